// Package voms makes proxy certificates (RFC 3820) that carry the attributes of a virtual organisation: which of its groups
// the user belongs to, and which roles the user takes. A VOMS server, found in the vomses files of the grid's tools, vouches
// for them in an attribute certificate (RFC 5755). It is what voms-proxy-init does, and what voms-proxy-info shows.
package voms

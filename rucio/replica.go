package rucio

import (
	"context"
	"encoding/json"
	"iter"
)

// Replica is a file with all its replicas: a row of ListReplicas.
type Replica struct {
	Object
	Scope    string              `json:"scope"`
	Name     string              `json:"name"`
	Bytes    *int64              `json:"bytes"`
	Adler32  string              `json:"adler32"`
	MD5      string              `json:"md5"`
	PFNs     map[string]PFN      `json:"pfns"`
	RSEs     map[string][]string `json:"rses"`   // PFNs by name of the RSE
	States   map[string]string   `json:"states"` // by name of the RSE: AVAILABLE, COPYING, BAD ...
	Parents  []string            `json:"parents"`
	Metalink string              `json:"-"` // the whole list as XML, when that was asked for
}

func (r *Replica) setText(metalink string) { r.Metalink = metalink }

// PFN says how to get at a replica by its physical name.
type PFN struct {
	RSEID         string `json:"rse_id"`
	RSE           string `json:"rse"`
	Type          string `json:"type"` // of the RSE: DISK or TAPE
	Volatile      bool   `json:"volatile"`
	Domain        string `json:"domain"` // wan, lan or zip
	Priority      int    `json:"priority"`
	ClientExtract bool   `json:"client_extract"` // to be taken out of an archive by the client
}

// ListReplicasOptions say which replicas ListReplicas shows, and how.
type ListReplicasOptions struct {
	Schemes            []string       `py:"schemes=None"`             // protocols of the PFNs: davs, root ...
	IgnoreAvailability *bool          `py:"ignore_availability=True"` // RSEs that cannot be read now as well
	AllStates          bool           `py:"all_states=False"`         // replicas that are not AVAILABLE as well
	Metalink           bool           `py:"metalink=False"`           // one row: a metalink, XML
	RSEExpression      string         `py:"rse_expression=None"`      // replicas on these RSEs only
	ClientLocation     map[string]any `py:"client_location=None"`     // ip, fqdn, site, latitude, longitude, to sort by
	Sort               string         `py:"sort=None"`                // geoip, custom_table or random
	Domain             *string        `py:"domain=None"`              // of the PFNs: wan, lan or all
	SignatureLifetime  *int           `py:"signature_lifetime=None"`  // of signed URLs, in seconds
	Nrandom            *int           `py:"nrandom=None"`             // as many replicas of each file, by chance
	ResolveArchives    *bool          `py:"resolve_archives=True"`    // find files within archives
	ResolveParents     bool           `py:"resolve_parents=False"`    // name the datasets of each file
	UpdatedAfter       Time           `py:"updated_after=None"`       // replicas that changed since
}

// ListReplicas lists the replicas of the files of DIDs, a row a file.
//
//rucio:method ReplicaClient.list_replicas POST /replicas/list
func (c *Client) ListReplicas(ctx context.Context, dids []DID, o *ListReplicasOptions) iter.Seq2[*Replica, error] {
	o = withDefaults(o)
	body := fields{
		"dids": orEmpty(dids), "domain": o.Domain, "ignore_availability": o.IgnoreAvailability, "all_states": o.AllStates,
		"resolve_archives": o.ResolveArchives, "resolve_parents": o.ResolveParents,
	}
	body.with("schemes", o.Schemes).with("rse_expression", o.RSEExpression).with("client_location", o.ClientLocation).
		with("sort", o.Sort).with("updated_after", o.UpdatedAfter.iso()).
		with("signature_lifetime", o.SignatureLifetime).with("nrandom", o.Nrandom)
	r := post("list_replicas", "/replicas/list").json(body)
	if o.Metalink {
		r.accept("application/metalink4+xml")
	}
	return stream[Replica](ctx, c, r)
}

// DIDOfPFN is a row of GetDIDFromPFNs.
type DIDOfPFN struct {
	Object
	PFN string
	DID DID
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *DIDOfPFN) UnmarshalJSON(data []byte) error {
	var row map[string]DID
	if err := json.Unmarshal(data, &row); err != nil {
		return err
	}
	for d.PFN, d.DID = range row {
		break // there is one
	}
	return nil
}

// GetDIDFromPFNsOptions are for GetDIDFromPFNs.
type GetDIDFromPFNsOptions struct {
	RSE string `py:"rse=None"` // that the PFNs are of; servers need it
}

// GetDIDFromPFNs tells which files PFNs are, as far as an RSE knows. It works for RSEs that have a protocol of scheme srm, all
// others fail with ErrRSEProtocolNotSupported; without an RSE it fails with ErrRSENotFound, contrary to what the signature
// suggests. On a deterministic RSE the name follows from the path, be there such a file or not.
//
//rucio:method ReplicaClient.get_did_from_pfns POST /replicas/dids
//rucio:param pfns physical names of files
func (c *Client) GetDIDFromPFNs(ctx context.Context, pfns []string, o *GetDIDFromPFNsOptions) iter.Seq2[*DIDOfPFN, error] {
	o = withDefaults(o)
	return stream[DIDOfPFN](ctx, c, post("get_did_from_pfns", "/replicas/dids").
		json(fields{"rse": orNull(o.RSE), "pfns": orEmpty(pfns)}))
}

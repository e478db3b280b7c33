package transfer

import (
	"cmp"
	"net"
	"os"
)

// Location is where a client is, as Python's detect_client_location tells it: servers sort replicas by it, and traces name it.
type Location struct {
	IP   string // "0.0.0.0" when unknown
	FQDN string // of this machine
	Site string // SITE_NAME, ATLAS_SITE_NAME or OSG_SITE_NAME; "ROAMING" when unknown
	// Latitude and Longitude are RUCIO_LATITUDE and RUCIO_LONGITUDE in degrees, if both are known.
	Latitude, Longitude *float64
}

// roaming is the site of a client that does not know its own.
const roaming = "ROAMING"

func (l Location) withDefaults() Location {
	if l.FQDN == "" {
		l.FQDN, _ = os.Hostname() //nolint:forbidigo // the default of an SDK; cli gives its own
	}
	l.IP = cmp.Or(l.IP, outgoingIP())
	l.Site = cmp.Or(l.Site, roaming)
	return l
}

// outgoingIP returns the address that this machine would speak from to the world. Nothing is sent to find out.
func outgoingIP() string {
	for _, far := range []struct{ network, address string }{{"udp6", "[2001:4860:4860::8888]:80"}, {"udp4", "8.8.8.8:80"}} {
		conn, err := net.Dial(far.network, far.address) //nolint:noctx // no packet leaves
		if err != nil {
			continue
		}
		host, _, err := net.SplitHostPort(conn.LocalAddr().String())
		_ = conn.Close()
		if err == nil {
			return host
		}
	}
	return "0.0.0.0"
}

// fields is the location as servers take it.
func (l Location) fields() map[string]any {
	fields := map[string]any{"ip": l.IP, "fqdn": l.FQDN, "site": l.Site}
	if l.Latitude != nil && l.Longitude != nil {
		fields["latitude"], fields["longitude"] = *l.Latitude, *l.Longitude
	}
	return fields
}

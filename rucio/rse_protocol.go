package rucio

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"strconv"
)

// Protocol is a way to reach an RSE.
type Protocol struct {
	Scheme             string                    `json:"scheme"`
	Hostname           string                    `json:"hostname"`
	Port               int                       `json:"port"`
	Prefix             string                    `json:"prefix"`
	Impl               string                    `json:"impl"`
	Domains            map[string]map[string]any `json:"domains"` // lan and wan: operation to priority, 1 first; 0 and null are off
	ExtendedAttributes any                       `json:"extended_attributes"`
}

// NewProtocol is a protocol for AddProtocol.
//
//rucio:kind map
type NewProtocol struct {
	Scheme             string                    `json:"scheme,omitempty"`   // davs, root, srm, file, mock ...
	Hostname           string                    `json:"hostname,omitempty"` // localhost when absent
	Port               int                       `json:"port,omitempty"`
	Prefix             string                    `json:"prefix,omitempty"`  // path at which all files are
	Impl               string                    `json:"impl,omitempty"`    // Python's class: rucio.rse.protocols.gfal.Default ...
	Domains            map[string]map[string]any `json:"domains,omitempty"` // as in Protocol; all off when absent
	ExtendedAttributes any                       `json:"extended_attributes,omitempty"`
	Extra              map[string]any            `json:"-"` // what else the server takes
}

// MarshalJSON implements json.Marshaler.
func (p NewProtocol) MarshalJSON() ([]byte, error) {
	type plain NewProtocol
	return marshalExtra(plain(p), p.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *NewProtocol) UnmarshalJSON(data []byte) error {
	type plain NewProtocol
	return unmarshalExtra(data, (*plain)(p), &p.Extra)
}

// AddProtocol gives an RSE a protocol. It fails with ErrDuplicate when the RSE has one of this scheme, hostname and port, with
// ErrInvalidObject when impl is missing, with ErrRSEProtocolDomainNotSupported, ErrRSEOperationNotSupported or
// ErrRSEProtocolPriorityError for wrong domains, and with ErrRSENotFound.
//
//rucio:method RSEClient.add_protocol POST /rses/{rse}/protocols/{scheme}
//rucio:param params scheme, hostname, port, prefix, impl, domains, extended_attributes
func (c *Client) AddProtocol(ctx context.Context, rse string, params NewProtocol) error {
	r := post("add_protocol", "/rses/{rse}/protocols/{scheme}", rse, params.Scheme).json(params)
	if params.Scheme == "" {
		r.refuse(argumentError("add_protocol", ErrKeyError, "the protocol has no scheme"))
	}
	return exec(ctx, c, r)
}

// Protocols is the answer of GetProtocols.
type Protocols struct {
	Object
	Protocols []Protocol
	RSE       *RSE // its settings, when a scheme was given
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Protocols) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, &p.Protocols)
	}
	p.RSE = &RSE{Object: Object{raw: bytes.Clone(data)}}
	if err := json.Unmarshal(data, p.RSE); err != nil {
		return err
	}
	p.Protocols = p.RSE.Protocols
	return nil
}

// GetProtocolsOptions are for GetProtocols.
type GetProtocolsOptions struct {
	ProtocolDomain string `py:"protocol_domain='ALL'"` // lan, wan or ALL; no server looks at it
	Operation      string `py:"operation=None"`        // read, write ...; no server looks at it
	Default        bool   `py:"default=False"`         // the first protocol for the operation; no server looks at it
	Scheme         string `py:"scheme=None"`           // any: the answer is the RSE and its settings, with all of its protocols
}

// GetProtocols returns all protocols of an RSE: a list or, when a scheme is given, the RSE with its protocols, as get_rse does.
// Servers ignore what else is asked for. It fails with ErrRSENotFound, and without a scheme with ErrRSEProtocolNotSupported
// when there is no protocol.
//
//rucio:method RSEClient.get_protocols GET /rses/{rse}/protocols
func (c *Client) GetProtocols(ctx context.Context, rse string, o *GetProtocolsOptions) (*Protocols, error) {
	o = withDefaults(o)
	r := get("get_protocols", "/rses/{rse}/protocols", rse).query("operation", o.Operation).flag("default", o.Default)
	if o.Scheme != "" {
		r = get("get_protocols", "/rses/{rse}/protocols/{scheme}", rse, o.Scheme)
	}
	return one[Protocols](ctx, c, r.query("protocol_domain", o.ProtocolDomain))
}

// lfnsLength bounds the names in one request of LFNs2PFNs, in bytes: servers refuse addresses that are longer than 4 or 8 KB.
const lfnsLength = 3000

// LFNs2PFNsOptions say what the PFNs of LFNs2PFNs are for.
type LFNs2PFNsOptions struct {
	ProtocolDomain string `py:"protocol_domain='ALL'"` // lan or wan; wan when absent
	Operation      string `py:"operation=None"`        // read, write, delete ...; write when absent
	Scheme         string `py:"scheme=None"`           // of the PFNs: davs, root ...; that of the first protocol when absent
}

// LFNs2PFNs returns where files are on an RSE, or would be: PFNs by LFN. It fails with ErrRSEProtocolNotSupported when the RSE
// has no such protocol, with ErrReplicaNotFound when there are no names, and with ErrRSENotFound. More names than fit one
// address, with which Python's client fails, are sent in several requests.
//
//rucio:method RSEClient.lfns2pfns GET /rses/{rse}/lfns2pfns
//rucio:param lfns scope:name of files, which need not exist
func (c *Client) LFNs2PFNs(ctx context.Context, rse string, lfns []string, o *LFNs2PFNsOptions) (map[string]string, error) {
	o = withDefaults(o)
	pfns := map[string]string{}
	for first := true; first || len(lfns) > 0; first = false {
		r := get("lfns2pfns", "/rses/{rse}/lfns2pfns", rse).query("scheme", o.Scheme).query("operation", o.Operation)
		if o.ProtocolDomain != "ALL" {
			r.query("domain", o.ProtocolDomain)
		}
		for length := 0; len(lfns) > 0 && length < lfnsLength; lfns = lfns[1:] {
			r.query("lfn", lfns[0])
			length += len("&lfn=") + len(url.QueryEscape(lfns[0]))
		}
		some, err := value[map[string]string](ctx, c, r)
		if err != nil {
			return nil, err
		}
		maps.Copy(pfns, some)
	}
	return pfns, nil
}

// DeleteProtocolsOptions narrow DeleteProtocols.
type DeleteProtocolsOptions struct {
	Hostname string `py:"hostname=None"`
	Port     *int   `py:"port=None"` // counts with a hostname only
}

// DeleteProtocols takes the protocols of a scheme from an RSE: all, those on a host, or the one on a host's port. It fails with
// ErrRSEProtocolNotSupported when there is none. With port 0, the one on port 0 goes; Python's client makes it all of the host.
//
//rucio:method RSEClient.delete_protocols DELETE /rses/{rse}/protocols/{scheme}/{hostname}/{port}
//rucio:param scheme of the protocols: davs, root ...
func (c *Client) DeleteProtocols(ctx context.Context, rse, scheme string, o *DeleteProtocolsOptions) error {
	o = withDefaults(o)
	path, values := protocolPath(rse, scheme, o.Hostname, o.Port)
	return exec(ctx, c, del("delete_protocols", path, values...))
}

// UpdateProtocolsOptions say which protocol UpdateProtocols changes. Servers need both.
type UpdateProtocolsOptions struct {
	Hostname string `py:"hostname=None"`
	Port     *int   `py:"port=None"`
}

// UpdateProtocols changes a protocol of an RSE. It fails with ErrRSEProtocolNotSupported when there is none of this scheme,
// hostname and port: without hostname or port there never is, contrary to what the signature suggests. Port 0, which Python's
// client leaves out, is found. Else it fails as AddProtocol does.
//
//rucio:method RSEClient.update_protocols PUT /rses/{rse}/protocols/{scheme}/{hostname}/{port}
//rucio:param scheme of the protocol: davs, root ...
//rucio:param data=changes what is to change: prefix, impl, domains, extended_attributes, scheme, hostname, port
func (c *Client) UpdateProtocols(ctx context.Context, rse, scheme string, changes map[string]any, o *UpdateProtocolsOptions) error {
	o = withDefaults(o)
	path, values := protocolPath(rse, scheme, o.Hostname, o.Port)
	return exec(ctx, c, put("update_protocols", path, values...).json(changes))
}

// protocolPath is the path of the protocols of a scheme, of those on a host, or of the one on a host's port.
func protocolPath(rse, scheme, hostname string, port *int) (path string, values []string) {
	path, values = "/rses/{rse}/protocols/{scheme}", []string{rse, scheme}
	if hostname != "" {
		path, values = path+"/{hostname}", append(values, hostname)
		if port != nil {
			path, values = path+"/{port}", append(values, strconv.Itoa(*port))
		}
	}
	return path, values
}

// SwapProtocols exchanges the priorities that two protocols of an RSE have for an operation, and tells whether the RSE has both.
// It takes two requests; when the second fails, the first protocol has changed all the same.
//
//rucio:method RSEClient.swap_protocols PUT /rses/{rse}/protocols/{scheme}/{hostname}/{port}
//rucio:param domain lan or wan
//rucio:param operation read, write, delete, third_party_copy_read or third_party_copy_write
//rucio:param scheme_a of one protocol
//rucio:param scheme_b of the other
func (c *Client) SwapProtocols(ctx context.Context, rse, domain, operation, schemeA, schemeB string) (bool, error) {
	all, err := c.typed().GetProtocols(ctx, rse, &GetProtocolsOptions{ProtocolDomain: domain, Operation: operation, Scheme: schemeA})
	if err != nil {
		return false, err
	}
	a, b := all.of(schemeA), all.of(schemeB)
	if a == nil || b == nil {
		return false, nil
	}
	first, ok := a.Domains[domain][operation]
	if !ok {
		return false, argumentError("swap_protocols", ErrKeyError, "protocols have no operation %s in domain %s", operation, domain)
	}
	if err = c.setPriority(ctx, rse, a, domain, operation, b.Domains[domain][operation]); err == nil {
		err = c.setPriority(ctx, rse, b, domain, operation, first)
	}
	return err == nil, err
}

// of returns the first protocol of a scheme, nil when there is none.
func (p *Protocols) of(scheme string) *Protocol {
	for i := range p.Protocols {
		if p.Protocols[i].Scheme == scheme {
			return &p.Protocols[i]
		}
	}
	return nil
}

func (c *Client) setPriority(ctx context.Context, rse string, p *Protocol, domain, operation string, priority any) error {
	return c.UpdateProtocols(ctx, rse, p.Scheme,
		map[string]any{"domains": map[string]any{domain: map[string]any{operation: priority}}},
		&UpdateProtocolsOptions{Hostname: p.Hostname, Port: &p.Port})
}

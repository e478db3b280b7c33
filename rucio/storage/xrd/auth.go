package xrd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// The ways to log in that this client has, as servers name them. GSI is not one of them: see Tool.
const (
	ProtocolZTN  = "ztn"  // a bearer token, only in TLS
	ProtocolUnix = "unix" // user and group as we say; the server believes it
	ProtocolHost = "host" // the name of our host as the server sees it
)

// login sends the login and what the server asks for to know us. token is for ztn.
func (c *conn) login(o *Options, at endpoint, token rucio.Secret) error {
	var params [16]byte
	be.PutUint32(params[:], uint32(o.PID)) //nolint:gosec // ids of processes are small and positive
	copy(params[4:12], at.user)
	params[13] = 1 | 4 | 8 // redirects to URLs, and to read-only copies; IPv6 beside IPv4
	params[14] = 5         // knows TLS
	k := &call{request: reqLogin}
	if err := c.ask(k, params, []byte(at.token)); err != nil {
		return err
	}
	if k.err != nil {
		return fmt.Errorf("login: %w", k.err)
	}
	if len(k.body) <= 16 {
		return nil // a session id only: nobody wants to know who we are
	}
	return c.authenticate(o, at.user, token, parseProtocols(text(k.body[16:])))
}

// parseProtocols reads "&P=ztn,0:4096:&P=unix" and returns the names.
func parseProtocols(list string) (names []string) {
	for part := range strings.SplitSeq(list, "&") {
		if rest, ok := strings.CutPrefix(part, "P="); ok {
			name, _, _ := strings.Cut(rest, ",")
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// authenticate tries the ways that the server offers in the server's order, as far as options allow and we have them.
func (c *conn) authenticate(o *Options, user string, token rucio.Secret, offered []string) error {
	var refused []string
	for _, name := range offered {
		if o.Protocols != nil && !slices.Contains(o.Protocols, name) {
			continue
		}
		credentials, err := c.credentials(o, name, user, token)
		if err != nil {
			return err
		}
		if credentials == nil {
			continue
		}
		k := &call{request: reqAuth}
		var params [16]byte
		copy(params[12:], name)
		if err := c.ask(k, params, credentials); err != nil {
			return err
		}
		if k.err == nil {
			return nil
		}
		refused = append(refused, fmt.Sprintf("%s: %v", name, k.err))
	}
	if len(refused) > 0 {
		return fmt.Errorf("%w to %s: %s", ErrAuth, c.addr, strings.Join(refused, "; "))
	}
	return fmt.Errorf("%w to %s: it takes %s; we have unix, host and, with a token and in TLS, ztn; for others (gsi) choose xrdcp",
		ErrAuth, c.addr, strings.Join(offered, ", "))
}

// credentials returns what is sent for a protocol, nil when we don't have it.
func (c *conn) credentials(o *Options, name, user string, token rucio.Secret) ([]byte, error) {
	switch name {
	case ProtocolZTN:
		if !token.IsSet() || !c.secured {
			return nil, nil
		}
		size := len(token) + 1
		if size > math.MaxUint16 {
			return nil, fmt.Errorf("a token for %s: %d bytes are too many", c.addr, len(token))
		}
		// name, version, "here is a token", two reserved bytes, its length, itself with a zero byte
		b := be.AppendUint16([]byte("ztn\x00\x00T\x00\x00"), uint16(size)) //nolint:gosec // just compared
		return append(append(b, token.Reveal()...), 0), nil
	case ProtocolUnix:
		b := "unix\x00" + user
		if o.Group != "" {
			b += " " + o.Group
		}
		return []byte(b + "\x00"), nil
	case ProtocolHost:
		return []byte("host\x00"), nil
	}
	return nil, nil
}

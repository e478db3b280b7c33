package xrd

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The ways to log in that this client has, as servers name them. GSI is not one of them: see Tool.
const (
	ProtocolZTN  = "ztn"  // a bearer token, only in TLS
	ProtocolUnix = "unix" // user and group as we say; the server believes it
	ProtocolHost = "host" // the name of our host as the server sees it
)

// login sends the login and what the server asks for to know us. token is one that a redirect gave us.
func (c *conn) login(ctx context.Context, o *Options, user, token string) error {
	var params [16]byte
	be.PutUint32(params[:], uint32(o.PID)) //nolint:gosec // ids of processes are small and positive
	copy(params[4:12], user)
	params[13] = 1 | 4 | 8 // redirects to URLs, and to read-only copies; IPv6 beside IPv4
	params[14] = 5         // knows TLS
	k := &call{request: reqLogin}
	if err := c.ask(k, params, []byte(token)); err != nil {
		return err
	}
	if k.err != nil {
		return fmt.Errorf("login: %w", k.err)
	}
	if len(k.body) <= 16 {
		return nil // a session id only: nobody wants to know who we are
	}
	return c.authenticate(ctx, o, user, parseProtocols(text(k.body[16:])))
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
func (c *conn) authenticate(ctx context.Context, o *Options, user string, offered []string) error {
	var refused []string
	for _, name := range offered {
		if o.Protocols != nil && !slices.Contains(o.Protocols, name) {
			continue
		}
		credentials, err := c.credentials(ctx, o, name, user)
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
func (c *conn) credentials(ctx context.Context, o *Options, name, user string) ([]byte, error) {
	switch name {
	case ProtocolZTN:
		if o.Token == nil || !c.secured {
			return nil, nil
		}
		token, err := o.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("a token for %s: %w", c.addr, err)
		}
		size := len(token) + 1
		if size > math.MaxUint16 {
			return nil, fmt.Errorf("a token for %s: %d bytes are too many", c.addr, len(token))
		}
		// name, version, "here is a token", two reserved bytes, its length, itself with a zero byte
		b := append([]byte("ztn\x00\x00T\x00\x00"), byte(size>>8), byte(size))
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

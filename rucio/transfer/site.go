package transfer

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// siteLife is how long settings of an RSE are believed.
const siteLife = 5 * time.Minute

// The operations of protocols.
const (
	opRead   = "read"
	opWrite  = "write"
	opDelete = "delete"
)

// The domains of protocols.
const (
	wan = "wan"
	lan = "lan"
)

// site is an RSE: its settings, protocols and attributes.
type site struct {
	*rucio.RSE
	attributes map[string]any
	learned    time.Time
}

// site returns an RSE, or ErrRSENotFound.
func (m *Mover) site(ctx context.Context, c *rucio.Client, rse string) (*site, error) {
	m.mu.Lock()
	known := m.sites[rse]
	m.mu.Unlock()
	if known != nil && time.Since(known.learned) < siteLife {
		return known, nil
	}
	settings, err := c.GetRSE(ctx, rse)
	if err != nil {
		return nil, err
	}
	fresh := &site{RSE: settings, attributes: map[string]any{}, learned: time.Now()}
	if attributes, err := c.ListRSEAttributes(ctx, rse); err != nil {
		m.setup.Log.WarnContext(ctx, "the attributes of an RSE are not to be had", "rse", rse, "error", err)
	} else if err := attributes.Decode(&fresh.attributes); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sites[rse] = fresh
	return fresh, nil
}

// attribute returns an attribute as text, "" when it is not set.
func (s *site) attribute(name string) string {
	switch v := s.attributes[name].(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return ""
}

// isSet tells whether an attribute is there and true.
func (s *site) isSet(name string) bool {
	switch strings.ToLower(s.attribute(name)) {
	case "", "false", "0", "no", "none":
		return false
	}
	return true
}

// domain is the one in which a client at a location speaks to the RSE: lan at its own site, if it has protocols for it.
func (s *site) domain(at Location) string {
	if slices.Contains(s.Domain, lan) && s.attribute("site") == at.Site {
		return lan
	}
	return wan
}

// checksums tells whether the RSE's storage can be asked for checksums.
func (s *site) checksums() bool { return s.VerifyChecksum == nil || *s.VerifyChecksum }

// wish narrows the protocols of an RSE; empty fields are no wish.
type wish struct {
	operation, domain string
	schemes           []string
	impl              string // Python's class: rucio.rse.protocols.gfal.Default
}

// protocols returns those that fulfil a wish, the best first.
func (s *site) protocols(w wish) ([]rucio.Protocol, error) {
	var found []rucio.Protocol
	for _, p := range s.Protocols {
		switch {
		case priority(p, w) == 0,
			len(w.schemes) > 0 && !slices.Contains(w.schemes, p.Scheme),
			w.impl != "" && p.Impl != w.impl:
			continue
		}
		found = append(found, p)
	}
	if len(found) == 0 {
		return nil, refuse("", rucio.ErrRSEProtocolNotSupported, "%s has no protocol to %s in domain %s%s%s (it has %s)", s.RSE.RSE, w.operation, w.domain,
			phrase(" of scheme ", strings.Join(w.schemes, ",")), phrase(" with impl ", w.impl), s.schemes())
	}
	slices.SortStableFunc(found, func(a, b rucio.Protocol) int { return cmp.Compare(priority(a, w), priority(b, w)) })
	return found, nil
}

// phrase is words with a value, nothing without one.
func phrase(words, value string) string {
	if value == "" {
		return ""
	}
	return words + value
}

// schemes names what the RSE has, for messages.
func (s *site) schemes() string {
	var all []string
	for _, p := range s.Protocols {
		all = append(all, p.Scheme)
	}
	return cmp.Or(strings.Join(all, ", "), "none at all")
}

// priority of a protocol for an operation: 1 is the first to be used, 0 is not at all.
func priority(p rucio.Protocol, w wish) int {
	switch v := p.Domains[w.domain][w.operation].(type) {
	case float64:
		return int(v)
	case json.Number:
		n, _ := v.Int64()
		return int(n)
	}
	return 0
}

// implementation completes the name of a protocol's class as Python's clients do: "gfal" is rucio.rse.protocols.gfal.Default.
func implementation(name string) string {
	switch {
	case name == "" || strings.HasPrefix(name, "rucio.rse.protocols."):
		return name
	case strings.Contains(name, "."):
		return "rucio.rse.protocols." + name
	}
	return "rucio.rse.protocols." + name + ".Default"
}

package voms

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ParseRequests reads what --voms of voms-proxy-init takes, several separated by commas or spaces: a VO, or a VO and the
// group or role to ask for, "atlas:/atlas/Role=production". Those of one VO become one request, in their order.
func ParseRequests(text string, lifetime time.Duration) ([]Request, error) {
	var requests []Request
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }) {
		vo, command, _ := strings.Cut(word, ":")
		if vo == "" || strings.ContainsAny(vo, `/"`) {
			return nil, fmt.Errorf("%q is neither a VO nor VO:/VO/group/Role=role", word)
		}
		at := slices.IndexFunc(requests, func(r Request) bool { return r.VO == vo })
		if at < 0 {
			at = len(requests)
			requests = append(requests, Request{VO: vo, Lifetime: lifetime})
		}
		if command == "" || command == "all" {
			continue
		}
		if strings.HasPrefix(command, "/Role=") {
			command = "/" + vo + command
		}
		if command[0] != '/' {
			return nil, fmt.Errorf("%q in %q does not begin with a slash, as /%s/group or /%s/Role=role does", command, word, vo, vo)
		}
		requests[at].FQANs = append(requests[at].FQANs, command)
	}
	if len(requests) == 0 {
		return nil, fmt.Errorf("%q names no VO", text)
	}
	return requests, nil
}

package auth

import (
	"time"
)

// Origin says where the tokens of a login come from, for people: "the credentials of client "robot"", or the auth_type when
// that says it all.
func (s *Source) Origin() string {
	if s.method.origin != "" {
		return s.method.origin
	}
	return "auth_type " + s.session.opts.Type
}

// Stored tells whether the login has no way of its own to get a token, but uses the one that LoginOIDC stored.
func (s *Source) Stored() bool { return s.method.stored }

// Expires returns when the current token ends, by this machine's clock; zero when there is none, or that is not known.
func (s *Source) Expires() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.expires
}

// File is where the tokens are kept for later processes; empty: nowhere.
func (s *Source) File() string {
	if s.cache == nil {
		return ""
	}
	return s.cache.path
}

package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// store is the memory of the provider, an op.Storage.
type store struct {
	key       signingKey
	redirects []string

	mu       sync.Mutex
	requests map[string]*browserRequest // by ID
	codes    map[string]string          // ID of a request, by code
	refresh  map[string]*refresh        // by refresh token
}

// refresh is a refresh token and what it gives.
type refresh struct {
	request request
	family  string // of a refresh token and all that it rotated to
	used    bool
}

var (
	_ op.Storage                        = (*store)(nil)
	_ op.ClientCredentialsStorage       = (*store)(nil)
	_ op.CanGetPrivateClaimsFromRequest = (*store)(nil)
)

func newStore(key signingKey, redirects []string) *store {
	return &store{key: key, redirects: redirects, requests: map[string]*browserRequest{}, codes: map[string]string{}, refresh: map[string]*refresh{}}
}

// --- browsers ---

func (s *store) CreateAuthRequest(ctx context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	r := &browserRequest{
		request: &request{client: asked.ClientID, audience: audienceOf(ctx, []string{asked.ClientID}), scopes: asked.Scopes},
		id:      uuid.NewString(), asked: asked,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[r.id] = r
	return r, nil
}

// loggedIn tells that the user of a request has shown the right password.
func (s *store) loggedIn(id, user string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, found := s.requests[id]
	if !found {
		return errors.New("the request is unknown or was answered already")
	}
	r.subject, r.authTime, r.done = user, time.Now(), true
	return nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, found := s.requests[id]; found {
		return r, nil
	}
	return nil, errors.New("no such request")
}

func (s *store) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *store) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

// --- tokens ---

// asRequest returns the request that the library hands back.
func asRequest(r op.TokenRequest) (*request, error) {
	switch own := r.(type) {
	case *browserRequest:
		return own.request, nil
	case *request:
		return own, nil
	}
	return nil, oidc.ErrUnsupportedGrantType()
}

func (s *store) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	own, err := asRequest(r)
	if err != nil {
		return "", time.Time{}, err
	}
	return uuid.NewString(), time.Now().Add(s.client(own.client).lifetime()), nil
}

// CreateAccessAndRefreshTokens answers a code, or a refresh token, which is current.
func (s *store) CreateAccessAndRefreshTokens(ctx context.Context, r op.TokenRequest, current string) (id, token string, end time.Time, err error) {
	own, err := asRequest(r)
	if err != nil {
		return "", "", time.Time{}, err
	}
	id, end, err = s.CreateAccessToken(ctx, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if current != "" && !s.client(own.client).has("rotating") {
		return id, current, end, err
	}
	token = uuid.NewString()
	next := &refresh{request: *own, family: token}
	if old := s.refresh[current]; old != nil {
		old.used = true
		next.request, next.family = old.request, old.family // with all its scopes, whatever this request asks for
	}
	s.refresh[token] = next
	return id, token, end, err
}

func (s *store) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, found := s.refresh[token]
	switch {
	case !found:
		return nil, op.ErrInvalidRefreshToken
	case held.used: // somebody has a copy: revoke all
		for other, r := range s.refresh {
			if r.family == held.family {
				delete(s.refresh, other)
			}
		}
		return nil, op.ErrInvalidRefreshToken
	}
	r := held.request
	r.audience = audienceOf(ctx, r.audience)
	return &r, nil
}

func (s *store) GetRefreshTokenInfo(_ context.Context, _, token string) (user, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held, found := s.refresh[token]; found {
		return held.request.subject, token, nil
	}
	return "", "", op.ErrInvalidRefreshToken
}

func (s *store) RevokeToken(_ context.Context, token, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.refresh, token)
	return nil
}

func (*store) TerminateSession(context.Context, string, string) error { return nil }

func (s *store) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	c := s.client(id)
	if secret != c.secret() {
		return nil, errors.New("wrong secret")
	}
	return c, nil
}

func (s *store) ClientCredentialsTokenRequest(ctx context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &request{client: id, subject: id, audience: audienceOf(ctx, []string{id}), scopes: scopes, authTime: time.Now()}, nil
}

// GetPrivateClaimsFromRequest adds to access tokens what those of WLCG have.
func (*store) GetPrivateClaimsFromRequest(_ context.Context, r op.TokenRequest, _ []string) (map[string]any, error) {
	return map[string]any{"wlcg.ver": "1.0", "scope": strings.Join(r.GetScopes(), " ")}, nil
}

// --- keys, clients, users ---

func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }
func (s *store) KeySet(context.Context) ([]op.Key, error)          { return []op.Key{publicKey{s.key}}, nil }
func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *store) client(id string) *client { return &client{id: id, redirects: s.redirects} }

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	return s.client(id), nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if secret != s.client(id).secret() {
		return errors.New("wrong secret")
	}
	return nil
}

func (*store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (*store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	info.Subject = r.GetSubject()
	return nil
}

func (*store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, _, subject, _ string) error {
	info.Subject = subject
	return nil
}

func (*store) SetIntrospectionFromToken(_ context.Context, answer *oidc.IntrospectionResponse, _, subject, id string) error {
	answer.Active, answer.Subject, answer.ClientID = true, subject, id
	return nil
}

func (*store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (*store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("no client has keys")
}

func (*store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errors.New("not supported")
}

func (*store) Health(context.Context) error { return nil }

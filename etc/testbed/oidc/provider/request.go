package main

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// request is what tokens are made from: a login, a refresh token, or a client that asks for itself.
type request struct {
	client, subject  string
	audience, scopes []string
	authTime         time.Time
}

func (r *request) GetClientID() string              { return r.client }
func (r *request) GetSubject() string               { return r.subject }
func (r *request) GetAudience() []string            { return r.audience }
func (r *request) GetScopes() []string              { return r.scopes }
func (r *request) SetCurrentScopes(scopes []string) { r.scopes = scopes }
func (r *request) GetAuthTime() time.Time           { return r.authTime }
func (*request) GetAMR() []string                   { return []string{"pwd"} }

// browserRequest is the request of a browser. It is a type of its own, since the library tells by the methods of a request
// what it is, and gives a new refresh token to one like this only if it asks for offline_access.
type browserRequest struct {
	*request
	id    string
	asked *oidc.AuthRequest
	done  bool // its user has logged in
}

func (r *browserRequest) GetID() string                      { return r.id }
func (*browserRequest) GetACR() string                       { return "" }
func (r *browserRequest) GetNonce() string                   { return r.asked.Nonce }
func (r *browserRequest) GetRedirectURI() string             { return r.asked.RedirectURI }
func (r *browserRequest) GetResponseType() oidc.ResponseType { return r.asked.ResponseType }
func (r *browserRequest) GetResponseMode() oidc.ResponseMode { return r.asked.ResponseMode }
func (r *browserRequest) GetState() string                   { return r.asked.State }
func (r *browserRequest) Done() bool                         { return r.done }

func (r *browserRequest) GetCodeChallenge() *oidc.CodeChallenge {
	if r.asked.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.asked.CodeChallenge, Method: r.asked.CodeChallengeMethod}
}

package main

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// request is what tokens are made from: a browser's request, a refresh token, or a client that asks for itself.
type request struct {
	id, client, subject string
	audience, scopes    []string
	authTime            time.Time

	asked *oidc.AuthRequest // by a browser
	done  bool              // its user has logged in
}

func (r *request) GetID() string                    { return r.id }
func (r *request) GetClientID() string              { return r.client }
func (r *request) GetSubject() string               { return r.subject }
func (r *request) GetAudience() []string            { return r.audience }
func (r *request) GetScopes() []string              { return r.scopes }
func (r *request) SetCurrentScopes(scopes []string) { r.scopes = scopes }
func (r *request) GetAuthTime() time.Time           { return r.authTime }
func (*request) GetACR() string                     { return "" }
func (*request) GetAMR() []string                   { return []string{"pwd"} }
func (r *request) GetNonce() string                 { return r.asked.Nonce }
func (r *request) GetRedirectURI() string           { return r.asked.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType {
	return r.asked.ResponseType
}
func (r *request) GetResponseMode() oidc.ResponseMode { return r.asked.ResponseMode }
func (r *request) GetState() string                   { return r.asked.State }
func (r *request) Done() bool                         { return r.done }

func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	if r.asked.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.asked.CodeChallenge, Method: r.asked.CodeChallengeMethod}
}

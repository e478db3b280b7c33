package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Claims is what a JSON web token says, unverified: its issuer's key, which would tell whether it is true, is Rucio's
// business. Times are zero and texts empty when the token does not have them.
type Claims struct {
	Issuer, Subject string
	Audience        []string
	Scope           []string
	Expires, Issued time.Time
	Header, Payload json.RawMessage // as they are in the token
}

// ReadClaims takes a token apart. The error tells what is wrong with one that is no JWT; it shows nothing of it.
func ReadClaims(token rucio.Secret) (*Claims, error) {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return nil, errors.New("it has not the three parts of a JWT")
	}
	c := &Claims{}
	for i, part := range []*json.RawMessage{&c.Header, &c.Payload} {
		text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[i], "="))
		if err != nil || !json.Valid(text) {
			return nil, errors.New("its parts are not those of a JWT")
		}
		*part = text
	}
	var payload struct {
		Issuer   any `json:"iss"`
		Subject  any `json:"sub"`
		Audience any `json:"aud"`
		Scope    any `json:"scope"`
		Scp      any `json:"scp"` // what some providers call it
		Expires  any `json:"exp"`
		Issued   any `json:"iat"`
	}
	if err := json.Unmarshal(c.Payload, &payload); err != nil {
		return nil, errors.New("its claims are no JSON object")
	}
	c.Issuer, _ = payload.Issuer.(string)
	c.Subject, _ = payload.Subject.(string)
	c.Audience = texts(payload.Audience)
	if c.Scope = texts(payload.Scope); c.Scope == nil {
		c.Scope = texts(payload.Scp)
	}
	c.Expires, c.Issued = timeOf(payload.Expires), timeOf(payload.Issued)
	return c, nil
}

// texts reads a list of texts, or a text with spaces between them.
func texts(claim any) (list []string) {
	switch claim := claim.(type) {
	case string:
		return strings.Fields(claim)
	case []any:
		for _, element := range claim {
			if text, ok := element.(string); ok {
				list = append(list, text)
			}
		}
	}
	return list
}

// timeOf reads a number of seconds since 1970.
func timeOf(claim any) time.Time {
	seconds, ok := claim.(float64)
	if !ok || seconds <= 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// Identity is the name that Rucio has for the owner of the token (Python: rucio.core.oidc.oidc_identity_string).
func (c *Claims) Identity() string { return "SUB=" + c.Subject + ", ISS=" + c.Issuer }

// lacks returns those of the wanted texts, separated by spaces, that are not among the given ones.
func lacks(given []string, wanted string) (missing []string) {
	for _, text := range strings.Fields(wanted) {
		if !slices.Contains(given, text) {
			missing = append(missing, text)
		}
	}
	return missing
}

package auth

import (
	"slices"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

func TestReadClaims(t *testing.T) {
	c, err := ReadClaims(rucio.Secret(jwt(`{"iss": "https://iam.example.org/", "sub": "me", "aud": ["rucio", "other"], "scope": "openid  profile", "exp": 1795425699, "iat": 1795422099.5, "wlcg.ver": "1.0"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Identity() != "SUB=me, ISS=https://iam.example.org/" || !slices.Equal(c.Audience, []string{"rucio", "other"}) || !slices.Equal(c.Scope, []string{"openid", "profile"}) {
		t.Errorf("got %+v", c)
	}
	if !c.Expires.Equal(time.Unix(1795425699, 0)) || !c.Issued.Equal(time.Unix(1795422099, 0)) {
		t.Errorf("got %v, %v", c.Expires, c.Issued)
	}
	if len(c.Header) == 0 {
		t.Errorf("got header %s", c.Header)
	}
	// one audience as text, scopes as a list under another name, and claims of strange types
	c, err = ReadClaims(rucio.Secret(jwt(`{"aud": "rucio", "scp": ["openid"], "exp": "tomorrow", "iat": -5, "sub": 7, "iss": null}`)))
	if err != nil || !slices.Equal(c.Audience, []string{"rucio"}) || !slices.Equal(c.Scope, []string{"openid"}) || !c.Expires.IsZero() || !c.Issued.IsZero() || c.Identity() != "SUB=, ISS=" {
		t.Errorf("got %+v, %v", c, err)
	}
	for token, want := range map[string]string{
		"":                      "it has not the three parts of a JWT",
		"root-ddmlab-x-0123":    "it has not the three parts of a JWT",
		"a.b.c":                 "its parts are not those of a JWT",
		jwt(`[]`):               "its claims are no JSON object",
		jwt(`{"iss": `):         "its parts are not those of a JWT",
		"eyJhbGciOiJub25lIn0..": "its parts are not those of a JWT",
	} {
		if _, err := ReadClaims(rucio.Secret(token)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", token, err, want)
		}
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add(jwt(`{"iss": "x", "sub": "y", "aud": ["a"], "scope": "b", "exp": 1e300}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := ReadClaims(rucio.Secret(token))
		if err == nil && (c == nil || c.Payload == nil || c.Header == nil) {
			t.Errorf("%q: %+v", token, c)
		}
	})
}

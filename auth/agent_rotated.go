package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"path/filepath"

	"golang.org/x/crypto/nacl/secretbox"
)

// Some providers replace the refresh token each time that it is used, and take a second use of the old one for theft: they
// revoke all. oidc-agent then writes the new one into its file. Here the configuration came in a variable, so that the new
// one is kept beside the token cache, encrypted with the key of the configuration: for the next run on this machine, and for
// one that runs at the same time.

// rotatedFile returns the file of this configuration; nil when there is no cache. Another refresh token in the configuration,
// say because it was made anew, is another file.
func (a *agent) rotatedFile() *cache {
	if a.cache == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(a.config.IssuerURL + " " + a.clientID + " " + a.first))
	return &cache{path: filepath.Join(filepath.Dir(a.cache.path), fmt.Sprintf("oidc_agent_%x", sum[:8])), log: a.opts.Log}
}

// rotate takes a new refresh token and keeps it for others. It warns once.
func (a *agent) rotate(token string) {
	if a.config.RefreshToken == a.first {
		a.opts.Log.Warn("the identity provider replaces the refresh token of the oidc-agent configuration whenever it is used: on other machines and in new containers the configuration may be of no use now; use client credentials, or have the client changed so that its refresh tokens stay",
			"configuration", a.config.Name, "issuer", a.config.IssuerURL)
	}
	a.config.RefreshToken = token
	file := a.rotatedFile()
	if file == nil {
		return
	}
	text, err := a.seal(token)
	if err == nil {
		err = file.store(text)
	}
	if err != nil {
		a.opts.Log.Warn("cannot keep the new refresh token of the oidc-agent configuration", "file", file.path, "error", err)
	}
}

// readRotated takes the refresh token that an earlier run, or another process, got for the one of the configuration.
func (a *agent) readRotated() {
	file := a.rotatedFile()
	if file == nil {
		return
	}
	text, err := file.load()
	if err != nil {
		return
	}
	if token, ok := a.open(text); ok {
		a.config.RefreshToken = token
	}
}

func (a *agent) seal(token string) (string, error) {
	var nonce [boxNonce]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(secretbox.Seal(nonce[:], []byte(token), &nonce, (*[boxKey]byte)(a.key))), nil
}

func (a *agent) open(text string) (token string, ok bool) {
	box, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(box) < boxNonce {
		return "", false
	}
	plain, err := openBox(box[boxNonce:], box[:boxNonce], a.key)
	return string(plain), err == nil
}

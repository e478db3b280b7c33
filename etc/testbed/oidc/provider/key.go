package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"

	jose "github.com/go-jose/go-jose/v4"
)

// signingKey signs tokens. It is kept in a file, since Rucio remembers the provider's keys for hours.
type signingKey struct{ key *rsa.PrivateKey }

// publicKey is its other half, as the provider publishes it.
type publicKey struct{ signingKey }

func signingKeyOf(path string) (signingKey, error) {
	der, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return signingKey{}, err
		}
		return signingKey{key}, os.WriteFile(path, x509.MarshalPKCS1PrivateKey(key), 0o600)
	}
	if err != nil {
		return signingKey{}, err
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	return signingKey{key}, err
}

// secret returns what the library encrypts its codes with.
func (k signingKey) secret() [32]byte { return sha256.Sum256(x509.MarshalPKCS1PrivateKey(k.key)) }

func (k signingKey) ID() string {
	sum := sha256.Sum256(k.key.N.Bytes())
	return hex.EncodeToString(sum[:4])
}

func (signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (signingKey) Algorithm() jose.SignatureAlgorithm          { return jose.RS256 }
func (k signingKey) Key() any                                  { return k.key }
func (publicKey) Use() string                                  { return "sig" }
func (k publicKey) Key() any                                   { return k.key.Public() }

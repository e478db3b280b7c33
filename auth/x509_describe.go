package auth

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"os"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/auth/voms"
)

// Proxy describes a proxy certificate, as voms-proxy-info does. Names are written as the grid writes them.
type Proxy struct {
	File     string // where it lies; empty: nowhere
	Kind     string // see voms.Kind; "no proxy" for a certificate that is none
	Identity string // whose it is: the subject of the certificate that it was made of
	Subject  string
	Issuer   string
	Bits     int       // of its key
	Ends     time.Time // the first end in its chain
	VOs      []ProxyVO
}

// ProxyVO is what a proxy says of its owner's place in a VO.
type ProxyVO struct {
	VO      string
	FQANs   []string // the first one counts most
	Server  string   // host:port, as it calls itself
	Issuer  string   // the server's name
	Ends    time.Time
	Problem string // why services may not believe it; empty: nothing is wrong
}

// ReadProxy describes the proxy in a file. The error is an *Error.
func ReadProxy(file string, trust GridTrust, now time.Time) (*Proxy, error) {
	c, err := (&keyPair{what: "the proxy certificate", cert: file, proxy: true, passOption: "client_key_passphrase"}).load()
	if err != nil {
		return nil, err
	}
	return describe(c, file, trust, now)
}

func describe(c *credential, file string, trust GridTrust, now time.Time) (*Proxy, error) {
	cert := c.chain[0]
	p := &Proxy{
		File: file, Kind: voms.Kind(cert), Identity: voms.DN(c.owner().RawSubject),
		Subject: voms.DN(cert.RawSubject), Issuer: voms.DN(cert.RawIssuer), Ends: c.ends(),
	}
	if p.Kind == "" {
		p.Kind = "no proxy"
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		p.Bits = key.N.BitLen()
	case *ecdsa.PublicKey:
		p.Bits = key.Curve.Params().BitSize
	}
	acs, err := voms.ACs(c.chain)
	if err != nil {
		return nil, &Error{Kind: Config, Attempt: "read " + c.origin, Problem: err.Error(), Err: err}
	}
	for _, ac := range acs {
		vo := ProxyVO{VO: ac.VO, FQANs: ac.FQANs, Server: ac.URI, Issuer: ac.Issuer, Ends: ac.NotAfter}
		if err := trust.verify(ac, c, now); err != nil {
			vo.Problem = err.Error()
		}
		p.VOs = append(p.VOs, vo)
	}
	return p, nil
}

// authorities loads those that exist.
func (g GridTrust) authorities() (*authorities, error) {
	var there []string
	for _, path := range g.Authorities {
		if _, err := os.Stat(path); err == nil {
			there = append(there, path)
		}
	}
	return loadAuthorities(there, true)
}

// verify tells why a service may not believe attributes.
func (g GridTrust) verify(ac *voms.AC, c *credential, now time.Time) error {
	trusted, err := g.authorities()
	if err != nil {
		return err
	}
	trust := voms.Trust{CAs: trusted.pool, Dir: g.VOMSDir}
	if _, err := os.Stat(g.VOMSDir); err != nil {
		trust.Dir = ""
	}
	return trust.Verify(ac, c.owner(), now)
}

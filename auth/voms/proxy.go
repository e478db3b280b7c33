package voms

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Lifetime is how long a proxy lives unless something else is asked for, as voms-proxy-init has it.
const Lifetime = 12 * time.Hour

const (
	keyBits  = 2048
	backDate = 5 * time.Minute // a proxy holds from before it is made: the clocks of servers differ
)

// NewProxy makes a proxy of a certificate, which may be a proxy itself: a short-lived certificate, signed by the one it is
// made of, that has a key of its own and carries attribute certificates. It ends after a lifetime, and not later than what it is
// made of. The result is what is in a proxy file: the proxy, its key, and the chain, in PEM.
func NewProxy(of tls.Certificate, acs [][]byte, lifetime time.Duration, now time.Time) (file []byte, err error) {
	signer, err := x509.ParseCertificate(of.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	end := now.Add(lifetime)
	for _, der := range of.Certificate {
		link, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("read the chain of the certificate: %w", err)
		}
		if link.NotAfter.Before(end) {
			end = link.NotAfter
		}
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<31-1))
	if err != nil {
		return nil, fmt.Errorf("choose a serial number: %w", err)
	}
	subject, err := withCommonName(signer.RawSubject, serial.String())
	if err != nil {
		return nil, err
	}
	extensions, err := proxyExtensions(signer, acs)
	if err != nil {
		return nil, err
	}
	usage := x509.KeyUsageDigitalSignature
	if signer.KeyUsage == 0 || signer.KeyUsage&x509.KeyUsageKeyEncipherment != 0 {
		usage |= x509.KeyUsageKeyEncipherment
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("make a key for the proxy: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, RawSubject: subject, NotBefore: now.Add(-backDate), NotAfter: end, KeyUsage: usage, ExtraExtensions: extensions,
	}, signer, &key.PublicKey, of.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("sign the proxy: %w", err)
	}
	return encode(der, key, of.Certificate), nil
}

// withCommonName adds a part to a name. The parts that are there keep their bytes: the kinds of their strings matter to
// whoever compares names.
func withCommonName(raw []byte, name string) ([]byte, error) {
	var parts []asn1.RawValue
	if _, err := asn1.Unmarshal(raw, &parts); err != nil {
		return nil, fmt.Errorf("read the name in the certificate: %w", err)
	}
	part, err := asn1.Marshal(pkix.RelativeDistinguishedNameSET{{Type: oidCommonName, Value: name}})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(append(parts, asn1.RawValue{FullBytes: part}))
}

// proxyExtensions says that the certificate is a proxy, with all the rights of what it is made of, and adds the attributes. A
// limited proxy makes limited ones.
func proxyExtensions(signer *x509.Certificate, acs [][]byte) ([]pkix.Extension, error) {
	type policy struct{ Language asn1.ObjectIdentifier }
	language := oidInheritAll
	if info, ok := proxyInfo(signer); ok && info.Policy.Language.Equal(oidLimited) {
		language = oidLimited
	}
	info, err := asn1.Marshal(struct{ Policy policy }{policy{language}})
	if err != nil {
		return nil, err
	}
	extensions := []pkix.Extension{{Id: oidProxyInfo, Critical: true, Value: info}}
	if len(acs) == 0 {
		return extensions, nil
	}
	list := make([]asn1.RawValue, len(acs))
	for i, ac := range acs {
		list[i].FullBytes = ac
	}
	value, err := asn1.Marshal([][]asn1.RawValue{list})
	if err != nil {
		return nil, fmt.Errorf("put the attributes into the proxy: %w", err)
	}
	return append(extensions, pkix.Extension{Id: oidACs, Value: value}), nil
}

// encode writes a proxy file: the tools of the grid want the key between the certificates, in the old format.
func encode(proxy []byte, key *rsa.PrivateKey, chain [][]byte) []byte {
	var file bytes.Buffer
	blocks := []*pem.Block{{Type: "CERTIFICATE", Bytes: proxy}, {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}}
	for _, der := range chain {
		blocks = append(blocks, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	for _, block := range blocks {
		_ = pem.Encode(&file, block) // a buffer takes everything
	}
	return file.Bytes()
}

// proxyCertInfo is the extension that makes a proxy of a certificate.
type proxyCertInfo struct {
	PathLength int `asn1:"optional,default:-1"`
	Policy     struct {
		Language asn1.ObjectIdentifier
		Text     []byte `asn1:"optional"`
	}
}

// proxyInfo reads the extension; ok is false when there is none, or none of RFC 3820.
func proxyInfo(cert *x509.Certificate) (info proxyCertInfo, ok bool) {
	for _, extension := range cert.Extensions {
		if extension.Id.Equal(oidProxyInfo) {
			_, err := asn1.Unmarshal(extension.Value, &info)
			return info, err == nil
		}
	}
	return info, false
}

// Kind tells what sort of proxy a certificate is: "RFC 3820 proxy", "limited RFC 3820 proxy", or one of the two older sorts,
// "draft proxy" and "legacy proxy"; empty when it is none.
func Kind(cert *x509.Certificate) string {
	if info, ok := proxyInfo(cert); ok {
		if info.Policy.Language.Equal(oidLimited) {
			return "limited RFC 3820 proxy"
		}
		return "RFC 3820 proxy"
	}
	for _, extension := range cert.Extensions {
		if extension.Id.Equal(oidDraftProxy) {
			return "draft proxy"
		}
	}
	switch DN(cert.RawSubject) {
	case DN(cert.RawIssuer) + "/CN=proxy", DN(cert.RawIssuer) + "/CN=limited proxy":
		return "legacy proxy"
	}
	return ""
}

// Owner returns the certificate that the proxies of a chain were made of: the first that is none. The chain begins with the
// certificate in use. Nil when all are proxies.
func Owner(chain []*x509.Certificate) *x509.Certificate {
	for _, cert := range chain {
		if Kind(cert) == "" {
			return cert
		}
	}
	return nil
}

// ACs returns the attribute certificates in a proxy, those of one that it was made of included.
func ACs(chain []*x509.Certificate) (acs []*AC, err error) {
	for _, cert := range chain {
		for _, extension := range cert.Extensions {
			if !extension.Id.Equal(oidACs) {
				continue
			}
			var lists [][]asn1.RawValue
			if _, err := asn1.Unmarshal(extension.Value, &lists); err != nil || len(lists) == 0 {
				return nil, errors.New("the proxy's list of attribute certificates cannot be read")
			}
			for _, raw := range lists[0] {
				ac, err := ParseAC(raw.FullBytes)
				if err != nil {
					return nil, err
				}
				acs = append(acs, ac)
			}
		}
	}
	return acs, nil
}

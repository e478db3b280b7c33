package voms

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// Object identifiers of VOMS, and of RFC 3820 and 5755.
var (
	oidACs        = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 8005, 100, 100, 5}  // in a proxy: its attribute certificates
	oidFQANs      = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 8005, 100, 100, 4}  // in one of them: the groups and roles
	oidIssuers    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 8005, 100, 100, 10} // and who signed it
	oidProxyInfo  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 14}
	oidDraftProxy = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 3536, 1, 222} // what RFC 3820 was before it was one
	oidInheritAll = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 21, 1}
	oidLimited    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 3536, 1, 1, 1, 9}
	oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}
)

// AC is an attribute certificate of a VOMS server.
type AC struct {
	VO        string
	FQANs     []string // "/vo/group/Role=NULL/Capability=NULL"
	URI       string   // host:port of the server, as it calls itself
	Issuer    string   // the server's DN
	NotBefore time.Time
	NotAfter  time.Time
	Signers   []*x509.Certificate // the certificate that signed it, and its chain; may be empty in old ones

	holder     *big.Int // serial number of the certificate that it is for
	holderName []byte   // who issued that one, in DER
	signed     []byte
	algorithm  asn1.ObjectIdentifier
	signature  []byte
}

// What RFC 5755 calls these. Names that are of no interest here are taken whole.
type (
	attributeCertificate struct {
		Info      acInfo
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	acInfo struct {
		Raw        asn1.RawContent
		Version    int
		Holder     acHolder
		Issuer     asn1.RawValue
		Algorithm  pkix.AlgorithmIdentifier
		Serial     *big.Int
		Validity   acValidity
		Attributes []acAttribute
		UniqueID   asn1.BitString   `asn1:"optional"`
		Extensions []pkix.Extension `asn1:"optional"`
	}
	acHolder struct {
		Base   acIssuerSerial `asn1:"optional,tag:0"`
		Entity asn1.RawValue  `asn1:"optional,tag:1"`
		Digest asn1.RawValue  `asn1:"optional,tag:2"`
	}
	acIssuerSerial struct {
		Names    asn1.RawValue // GeneralNames
		Serial   *big.Int
		UniqueID asn1.BitString `asn1:"optional"`
	}
	acValidity struct {
		NotBefore time.Time `asn1:"generalized"`
		NotAfter  time.Time `asn1:"generalized"`
	}
	acAttribute struct {
		ID     asn1.ObjectIdentifier
		Values []asn1.RawValue `asn1:"set"`
	}
	ietfAttributes struct {
		Authority asn1.RawValue `asn1:"optional,tag:0"`
		Values    []asn1.RawValue
	}
)

// ParseAC reads an attribute certificate in DER. It does not verify it.
func ParseAC(der []byte) (*AC, error) {
	var raw attributeCertificate
	rest, err := asn1.Unmarshal(der, &raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the attribute certificate: %w", err)
	case len(rest) > 0:
		return nil, errors.New("read the attribute certificate: there is something behind it")
	}
	ac := &AC{
		NotBefore: raw.Info.Validity.NotBefore, NotAfter: raw.Info.Validity.NotAfter, holder: raw.Info.Holder.Base.Serial,
		holderName: directoryName(raw.Info.Holder.Base.Names.Bytes), signed: raw.Info.Raw,
		algorithm: raw.Algorithm.Algorithm, signature: raw.Signature.RightAlign(),
	}
	ac.Issuer = DN(issuerName(raw.Info.Issuer))
	for _, attribute := range raw.Info.Attributes {
		if attribute.ID.Equal(oidFQANs) {
			for _, value := range attribute.Values {
				ac.take(value.FullBytes)
			}
		}
	}
	for _, extension := range raw.Info.Extensions {
		if extension.Id.Equal(oidIssuers) {
			ac.Signers = signers(extension.Value)
		}
	}
	if len(ac.FQANs) == 0 {
		return nil, errors.New("read the attribute certificate: it has no VOMS attributes")
	}
	return ac, nil
}

// take reads the groups and roles, and from whom they are: "vo://host:port".
func (ac *AC) take(der []byte) {
	var values ietfAttributes
	if _, err := asn1.Unmarshal(der, &values); err != nil {
		return
	}
	var authority asn1.RawValue // a GeneralName, of the kind URI; in GeneralNames or alone
	for names := values.Authority.Bytes; len(names) > 0; {
		rest, err := asn1.Unmarshal(names, &authority)
		if err != nil {
			break
		}
		if names = rest; authority.Class == asn1.ClassContextSpecific && authority.Tag == 6 {
			ac.VO, ac.URI, _ = strings.Cut(string(authority.Bytes), "://")
		}
	}
	for _, value := range values.Values {
		if value.Tag == asn1.TagOctetString {
			ac.FQANs = append(ac.FQANs, string(value.Bytes))
		}
	}
}

// issuerName finds the name in AttCertIssuer: SEQUENCE { GeneralNames } under the tag 0, or GeneralNames alone.
func issuerName(issuer asn1.RawValue) []byte {
	if issuer.Class == asn1.ClassContextSpecific && issuer.Tag == 0 {
		var names asn1.RawValue
		if _, err := asn1.Unmarshal(issuer.Bytes, &names); err != nil {
			return nil
		}
		return directoryName(names.Bytes)
	}
	return directoryName(issuer.Bytes)
}

// directoryName returns the first name of that kind in GeneralNames, in DER.
func directoryName(names []byte) []byte {
	for len(names) > 0 {
		var name asn1.RawValue
		rest, err := asn1.Unmarshal(names, &name)
		if err != nil {
			return nil
		}
		if name.Class == asn1.ClassContextSpecific && name.Tag == 4 {
			return name.Bytes
		}
		names = rest
	}
	return nil
}

// signers reads SEQUENCE OF SEQUENCE OF Certificate.
func signers(der []byte) (all []*x509.Certificate) {
	var lists [][]asn1.RawValue
	if _, err := asn1.Unmarshal(der, &lists); err != nil {
		return nil
	}
	for _, list := range lists {
		for _, raw := range list {
			if cert, err := x509.ParseCertificate(raw.FullBytes); err == nil {
				all = append(all, cert)
			}
		}
	}
	return all
}

// IsFor tells whether the attributes are those of a certificate: its issuer and its serial number are named; with its subject
// in place of the issuer they are taken by VOMS' own library too.
func (ac *AC) IsFor(cert *x509.Certificate) bool {
	name := DN(ac.holderName)
	return ac.holder != nil && ac.holder.Cmp(cert.SerialNumber) == 0 && (name == DN(cert.RawIssuer) || name == DN(cert.RawSubject))
}

// Has tells whether a FQAN is among the attributes, with or without the parts that say nothing.
func (ac *AC) Has(fqan string) bool {
	wanted, wantedRole := group(fqan)
	for _, own := range ac.FQANs {
		if g, role := group(own); g == wanted && role == wantedRole {
			return true
		}
	}
	return false
}

package voms

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// algorithms are those that VOMS servers sign with.
var algorithms = []struct {
	id   asn1.ObjectIdentifier
	name x509.SignatureAlgorithm
}{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, x509.SHA1WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, x509.SHA256WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, x509.SHA384WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, x509.SHA512WithRSA},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, x509.ECDSAWithSHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, x509.ECDSAWithSHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, x509.ECDSAWithSHA512},
}

// Trust is whom to believe attributes of.
type Trust struct {
	CAs *x509.CertPool // that sign the certificates of VOMS servers; nil: the system's
	Dir string         // vomsdir, with VO/HOST.lsc: the names of a server and of its CA (X509_VOMS_DIR); empty: not looked at
}

// Verify tells what is wrong with the attributes, as a service of the grid that is shown them would: that they are not for
// the owner, that they do not hold now, or that no VOMS server signed them that is trusted for this VO. Nil when all is well.
func (t Trust) Verify(ac *AC, owner *x509.Certificate, now time.Time) error {
	switch {
	case owner == nil || !ac.IsFor(owner):
		return errors.New("they are for another certificate")
	case now.Before(ac.NotBefore):
		return fmt.Errorf("they do not hold before %s", ac.NotBefore.UTC().Format(time.RFC3339))
	case now.After(ac.NotAfter):
		return fmt.Errorf("they ended at %s", ac.NotAfter.UTC().Format(time.RFC3339))
	case len(ac.Signers) == 0:
		return errors.New("they do not say who signed them")
	}
	signer := ac.Signers[0]
	if err := ac.checkSignature(signer); err != nil {
		return err
	}
	others := x509.NewCertPool()
	for _, cert := range ac.Signers[1:] {
		others.AddCert(cert)
	}
	if _, err := signer.Verify(x509.VerifyOptions{Roots: t.CAs, Intermediates: others, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return fmt.Errorf("the certificate of %s, which signed them, is not trusted: %w", DN(signer.RawSubject), err)
	}
	if t.Dir == "" {
		return nil
	}
	return t.checkName(ac, signer)
}

func (ac *AC) checkSignature(signer *x509.Certificate) error {
	for _, algorithm := range algorithms {
		if algorithm.id.Equal(ac.algorithm) {
			if err := signer.CheckSignature(algorithm.name, ac.signed, ac.signature); err != nil {
				return fmt.Errorf("their signature is wrong: %w", err)
			}
			return nil
		}
	}
	return fmt.Errorf("they are signed in a way that is not known here (%v)", ac.algorithm)
}

// checkName looks the server up in vomsdir, where an LSC file for each server of a VO has the name of its certificate, and
// below it those of the authorities up to the root.
func (t Trust) checkName(ac *AC, signer *x509.Certificate) error {
	if filepath.Base(ac.VO) != ac.VO || strings.HasPrefix(ac.VO, ".") { // it comes from the certificate, and must lead nowhere else
		return fmt.Errorf("%q is not the name of a VO", ac.VO)
	}
	folder := filepath.Join(t.Dir, ac.VO)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	wanted := []string{DN(signer.RawSubject), DN(signer.RawIssuer)}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".lsc" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		if slices.ContainsFunc(chains(string(text)), func(chain []string) bool { return len(chain) > 1 && slices.Equal(chain[:2], wanted) }) {
			return nil
		}
	}
	return fmt.Errorf("no .lsc file in %s names %s, which signed them, and its authority %s", folder, wanted[0], wanted[1])
}

// chains reads an LSC file: names, a line each; a line of dashes begins another chain.
func chains(text string) [][]string {
	all := [][]string{nil}
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "-"):
			all = append(all, nil)
		case strings.HasPrefix(line, "/"):
			all[len(all)-1] = append(all[len(all)-1], line)
		}
	}
	return all
}

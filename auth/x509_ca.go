package auth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/auth/voms"
)

// caFile matches the files of a folder of CA certificates, which may hold revocation lists and policies as well.
var caFile = regexp.MustCompile(`\.(pem|crt|cer|[0-9])$`)

// authorities are those whose certificates are trusted. Of a folder as the grid has it (X509_CERT_DIR), they are held to its
// revocation lists (HASH.r0) and to the names that each may sign (HASH.signing_policy).
type authorities struct {
	pool  *x509.CertPool
	files map[string][]string // the files of an authority, without their endings, by its name in DER

	mu    sync.Mutex
	lists map[string]*revocations // by path
}

// revocations is a revocation list as it was read.
type revocations struct {
	seen    fileState
	list    *x509.RevocationList
	revoked map[string]bool // serial numbers
}

// loadAuthorities reads files of CA certificates, and the files of folders, and adds the system's if asked to. Lists and
// policies are read when a certificate is verified: folders of the grid have megabytes of them.
func loadAuthorities(paths []string, withSystem bool) (*authorities, error) {
	a := &authorities{pool: x509.NewCertPool(), files: map[string][]string{}, lists: map[string]*revocations{}}
	if system, err := x509.SystemCertPool(); withSystem && err == nil {
		a.pool = system
	}
	for _, path := range paths {
		found, err := a.load(path)
		if err == nil && !found {
			err = errors.New("there is none in it")
		}
		if err != nil {
			return nil, &Error{Kind: Config, Attempt: "read the CA certificates in " + path, Problem: reason(err).Error(), Err: err,
				Advice: advise("ca_cert", "to a file of certificates in PEM, or to a folder of such files (X509_CERT_DIR does as well)")}
		}
	}
	return a, nil
}

// load adds the certificates of a file, or of a folder's files, and tells whether there were any.
func (a *authorities) load(path string) (found bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	files := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return false, err
		}
		files = nil
		for _, entry := range entries {
			if caFile.MatchString(entry.Name()) {
				files = append(files, filepath.Join(path, entry.Name()))
			}
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil && (!info.IsDir() || !errors.Is(err, fs.ErrNotExist)) { // dangling links are common in such folders
			return false, err
		}
		for _, cert := range certificates(text) {
			found = true
			a.pool.AddCert(cert)
			if name := string(cert.RawSubject); info.IsDir() {
				a.files[name] = append(a.files[name], strings.TrimSuffix(file, filepath.Ext(file)))
			}
		}
	}
	return found, nil
}

// certificates parses those of a PEM file that can be parsed; Go refuses some that old authorities made.
func certificates(text []byte) (all []*x509.Certificate) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); block.Type == "CERTIFICATE" && err == nil {
			all = append(all, cert)
		}
	}
	return all
}

// check is a tls.Config's VerifyConnection: one of the chains that lead to a trusted authority has to be one in which no
// certificate is revoked, and no authority signs what it may not.
func (a *authorities) check(state tls.ConnectionState) error {
	var failure error
	for _, chain := range state.VerifiedChains {
		err := a.checkChain(chain)
		if err == nil {
			return nil
		}
		if failure == nil {
			failure = err
		}
	}
	return failure
}

func (a *authorities) checkChain(chain []*x509.Certificate) error {
	for i, cert := range chain[:max(len(chain)-1, 0)] {
		authority := chain[i+1]
		for _, stem := range a.files[string(authority.RawSubject)] {
			if err := a.checkRevoked(stem, cert, authority); err != nil {
				return err
			}
			if err := checkPolicy(stem+".signing_policy", cert, authority); err != nil {
				return err
			}
		}
	}
	return nil
}

// untrustedError is a certificate that its authority has revoked, or should not have signed.
type untrustedError struct{ text string }

func (e *untrustedError) Error() string { return e.text }

// checkRevoked looks a certificate up in the authority's lists. An old list is better than none: what it has is revoked for
// good, and lists that are late would stop all work, as they do not for Python's client, which reads none.
func (a *authorities) checkRevoked(stem string, cert, authority *x509.Certificate) error {
	for n := range 10 {
		path := fmt.Sprintf("%s.r%d", stem, n)
		r, err := a.list(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return &untrustedError{fmt.Sprintf("the revocation list %s cannot be read: %v", path, reason(err))}
		}
		if r.list.CheckSignatureFrom(authority) == nil && r.revoked[cert.SerialNumber.String()] {
			return &untrustedError{fmt.Sprintf("%s has revoked the certificate of %s (%s)", voms.DN(authority.RawSubject), voms.DN(cert.RawSubject), path)}
		}
	}
	return nil
}

// list returns a revocation list, in PEM or DER; it is read again when the file has changed.
func (a *authorities) list(path string) (*revocations, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	seen := fileState{info.Size(), info.ModTime()}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.lists[path]; r != nil && r.seen == seen {
		return r, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(text); block != nil {
		text = block.Bytes
	}
	list, err := x509.ParseRevocationList(text)
	if err != nil {
		return nil, err
	}
	r := &revocations{seen: seen, list: list, revoked: map[string]bool{}}
	for _, entry := range list.RevokedCertificateEntries {
		if !entry.RevocationTime.After(time.Now()) {
			r.revoked[entry.SerialNumber.String()] = true
		}
	}
	a.lists[path] = r
	return r, nil
}

package auth

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/youmark/pkcs8"

	"github.com/rucio-task-manager/rucio-task-manager/auth/voms"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// maxPEM bounds what is read of a file of certificates or keys, in bytes.
const maxPEM = 1 << 20

// credential is a certificate with its key, and the certificates above it as far as they are there.
type credential struct {
	tls    tls.Certificate
	chain  []*x509.Certificate // the certificate in use first
	origin string              // "the client certificate /home/jane/usercert.pem"
}

// owner is the certificate of the person, which a proxy was made of.
func (c *credential) owner() *x509.Certificate {
	if owner := voms.Owner(c.chain); owner != nil {
		return owner
	}
	return c.chain[len(c.chain)-1]
}

// ends is when the first certificate of a chain ends: a proxy is good for as long as what it was made of.
func (c *credential) ends() time.Time {
	end := c.chain[0].NotAfter
	for _, cert := range c.chain {
		if cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
	}
	return end
}

// keyPair reads a certificate and its key, from files or from texts.
type keyPair struct {
	what              string // "the client certificate" or "the proxy certificate"
	cert, key         string // files; key may be empty: it is beside the certificate
	certText, keyText rucio.Secret
	passphrase        rucio.Secret
	ask               func(of string) (rucio.Secret, error) // nil: nobody is there
	passOption        string                                // the option of the passphrase, for the advice
	proxy             bool                                  // it is to be a proxy certificate
	guessed           bool                                  // nobody named the file: it lies where everybody can put one

	mu      sync.Mutex
	current *credential
	seen    [2]fileState // of the files that current was read from
}

// fileState tells whether a file is another one than before.
type fileState struct {
	size     int64
	modified time.Time
}

// name is what the certificate is called in messages.
func (k *keyPair) name() string {
	if k.certText.IsSet() {
		return k.what + " that is given as text"
	}
	return k.what + " " + k.cert
}

// load returns the certificate. Files are read again when they have changed, so that a renewed one is used at once.
func (k *keyPair) load() (*credential, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := k.states()
	if k.current != nil && seen == k.seen {
		return k.current, nil
	}
	loaded, err := k.read()
	if err != nil {
		return nil, err
	}
	k.current, k.seen = loaded, seen
	return loaded, nil
}

func (k *keyPair) states() (states [2]fileState) {
	for i, path := range []string{k.cert, k.key} {
		if info, err := os.Stat(path); path != "" && err == nil {
			states[i] = fileState{info.Size(), info.ModTime()}
		}
	}
	return states
}

func (k *keyPair) read() (*credential, error) {
	fail := func(problem string, err error) (*credential, error) {
		return nil, &Error{Kind: Config, Attempt: "read " + k.name(), Problem: problem, Err: err, Advice: k.advice()}
	}
	certText, keyText := unfold(k.certText.Reveal()), unfold(k.keyText.Reveal())
	if len(certText) == 0 {
		text, private, err := readPEM(k.cert)
		if err != nil {
			return fail(reason(err).Error(), err)
		}
		if certText = text; len(keyText) == 0 && k.key == "" {
			if err := k.closed(k.cert, text, private); err != nil {
				return nil, err
			}
		}
	}
	if len(keyText) == 0 && k.key != "" {
		text, private, err := readPEM(k.key)
		if err != nil {
			return fail(fmt.Sprintf("its key %s: %v", k.key, reason(err)), err)
		}
		if err := k.closed(k.key, text, private); err != nil {
			return nil, err
		}
		keyText = text
	}
	if len(keyText) == 0 {
		keyText = certText
	}
	keyText, err := k.decrypt(keyText)
	if err != nil {
		return nil, err
	}
	c, err := parseCredential(certText, keyText, k.name())
	if err != nil {
		return fail(strings.TrimPrefix(err.Error(), "tls: "), err)
	}
	return c, nil
}

// parseCredential reads a certificate, its key and its chain in PEM.
func parseCredential(certText, keyText []byte, origin string) (*credential, error) {
	pair, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return nil, err
	}
	c := &credential{tls: pair, origin: origin}
	for _, der := range pair.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		c.chain = append(c.chain, cert)
	}
	return c, nil
}

func (k *keyPair) advice() string {
	if k.proxy {
		return advise("client_x509_proxy", "to a proxy certificate, or make one (auth proxy init, voms-proxy-init)")
	}
	return "set RUCIO_CFG_CLIENT_CLIENT_CERT and RUCIO_CFG_CLIENT_CLIENT_KEY to files in PEM"
}

// closed refuses a key that is not private; Python's client does, too. A file that has no key is wrong for another reason.
func (k *keyPair) closed(path string, text []byte, info fs.FileInfo) error {
	if keyBlock(text) == nil {
		return nil
	}
	problem := exposed(info)
	if k.guessed && foreign(info) {
		problem = "it belongs to another user"
	}
	if problem == "" {
		return nil
	}
	return &Error{Kind: Unusable, Attempt: "read " + k.name(), Problem: fmt.Sprintf("the key in %s is not private: %s (mode %04o)", path, problem, info.Mode().Perm()),
		Advice: fmt.Sprintf("chmod 600 %s; where it is mounted, say so there: defaultMode: 0400 for a secret of Kubernetes, mode: 0400 for one of Docker", path)}
}

// decrypt returns the PEM of a key without a passphrase.
func (k *keyPair) decrypt(text []byte) ([]byte, error) {
	block := keyBlock(text)
	if block == nil || !isEncrypted(block) {
		return text, nil
	}
	passphrase := k.passphrase
	if !passphrase.IsSet() && k.ask != nil {
		var err error
		if passphrase, err = k.ask(k.name()); err != nil {
			return nil, &Error{Kind: Config, Attempt: "read " + k.name(), Problem: err.Error(), Err: err, Advice: k.passphraseAdvice()}
		}
	}
	if !passphrase.IsSet() {
		return nil, &Error{Kind: Config, Attempt: "read " + k.name(), Problem: "its key is encrypted with a passphrase", Advice: k.passphraseAdvice()}
	}
	key, err := decryptKey(block, []byte(passphrase.Reveal()))
	if err != nil {
		return nil, &Error{Kind: Unusable, Attempt: "read " + k.name(), Problem: err.Error(), Err: err, Advice: k.passphraseAdvice()}
	}
	k.passphrase = passphrase // it need not be asked for again
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, &Error{Kind: Config, Attempt: "read " + k.name(), Problem: "its key is of a kind that is not known here", Err: err}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func (k *keyPair) passphraseAdvice() string {
	name := "RUCIO_CFG_CLIENT_" + strings.ToUpper(k.passOption)
	return fmt.Sprintf("set %s, or %s_FILE to a file that holds the passphrase", name, name)
}

// errPassphrase is what is wrong most often with an encrypted key. It does not wrap its cause, which may quote the key.
var errPassphrase = errors.New("the passphrase of its key is wrong")

// decryptKey decrypts a key in PKCS#8, or in the older format that openssl once wrote.
func decryptKey(block *pem.Block, passphrase []byte) (crypto.PrivateKey, error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" {
		key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, passphrase)
		switch {
		case err == nil:
			return key, nil
		case strings.Contains(err.Error(), "incorrect password"):
			return nil, errPassphrase
		}
		return nil, fmt.Errorf("its key is encrypted in a way that is not known here (%w); openssl pkcs8 -topk8 writes another", err)
	}
	der, err := x509.DecryptPEMBlock(block, passphrase) //nolint:staticcheck // weak it is, but grid certificates are still exported so
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, errPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("its key cannot be decrypted: %w", err)
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	return nil, errPassphrase // one time in 256 the wrong one seems right at first
}

// keyBlock finds the first private key.
func keyBlock(text []byte) *pem.Block {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return block
		}
	}
	return nil
}

// isEncrypted tells a key that needs a passphrase, in the new format or the old one.
func isEncrypted(block *pem.Block) bool {
	return block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
}

// unfold gives a text in PEM its lines back, which variables often have as \n.
func unfold(text string) []byte {
	return []byte(strings.NewReplacer(`\r\n`, "\n", `\n`, "\n", "\r\n", "\n").Replace(text))
}

// readPEM reads a file, and tells what the modes of that very file are.
func readPEM(path string) ([]byte, fs.FileInfo, error) {
	file, err := openRegular(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("it is not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(file, maxPEM))
	return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), info, err
}

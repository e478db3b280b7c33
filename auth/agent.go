package auth

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/nacl/secretbox"
)

// What may be wrong with an oidc-agent configuration.
var (
	errAgentPassword = errors.New("the password is wrong")
	errAgentPGP      = errors.New("it is encrypted for a PGP key, not with a password")
	errAgentFormat   = errors.New("it is no account configuration of oidc-agent")
)

// How oidc-agent derives a key from a password: libsodium's crypto_pwhash at "interactive" cost. It was Argon2i at first
// (libsodium 1.0.12 and before), and is Argon2id now.
const (
	idPasses, idMemory = 2, 64 << 10 // KiB
	iPasses, iMemory   = 4, 32 << 10
	boxKey             = 32
	boxNonce           = 24
	boxOverhead        = secretbox.Overhead
)

// decryptAgent returns the JSON text of an oidc-agent account configuration, and the key. It reads all formats of oidc-agent 2 to 5 but
// those for PGP keys (oidc-agent: src/utils/crypt).
func decryptAgent(text, password string) (plain, key []byte, err error) {
	text = strings.ReplaceAll(text, `\n`, "\n") // as the Python task manager's entrypoint did: echo -e
	if strings.Contains(text, "-----BEGIN PGP MESSAGE-----") {
		return nil, nil, errAgentPGP
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) == 0:
		return nil, nil, fmt.Errorf("%w: it is empty", errAgentFormat)
	case len(lines) > 1 && withChecks(lines[len(lines)-1]):
		return decryptLines(lines, password)
	}
	return decryptHex(lines[0], password)
}

var agentVersion = regexp.MustCompile(`^Generated using version: (\d+)\.(\d+)\.\d+`)

// withChecks tells the last line of a version that writes several lines: 2.1.0 and later.
func withChecks(line string) bool {
	found := agentVersion.FindStringSubmatch(line)
	if found == nil {
		return false
	}
	major, _ := strconv.Atoi(found[1])
	minor, _ := strconv.Atoi(found[2])
	return major > 2 || major == 2 && minor >= 1
}

// decryptLines reads the format since 2.1.0, one thing a line: length of the cipher text, nonce, salt, parameters, cipher
// text, check value, version. Half of the derived key encrypts; the other half is the check value.
func decryptLines(lines []string, password string) (plain, key []byte, err error) {
	if len(lines) < 7 {
		return nil, nil, fmt.Errorf("%w: it has %d lines, not 7: was it cut?", errAgentFormat, len(lines))
	}
	length, err := strconv.Atoi(lines[0])
	if err != nil {
		return nil, nil, fmt.Errorf("%w: its first line is no length", errAgentFormat)
	}
	// the lengths of nonce, salt, code and key, the base64 alphabet, passes, memory, algorithm; oidc-agent itself only looks
	// at the lengths
	if !strings.HasPrefix(lines[3], "24:16:16:32:1:") {
		return nil, nil, fmt.Errorf("%w: its parameters %q are not known", errAgentFormat, lines[3])
	}
	var part [4][]byte
	for i, line := range []string{lines[1], lines[2], lines[4], lines[5]} {
		if part[i], err = base64.StdEncoding.DecodeString(line); err != nil {
			return nil, nil, fmt.Errorf("%w: line %d is not base64", errAgentFormat, []int{2, 3, 5, 6}[i])
		}
	}
	nonce, salt, box, check := part[0], part[1], part[2], part[3]
	if len(box) != length || len(box) < boxOverhead || len(nonce) != boxNonce || len(salt) != 16 {
		return nil, nil, fmt.Errorf("%w: lengths differ: was it cut?", errAgentFormat)
	}
	key = argon2.IDKey([]byte(password), salt, idPasses, idMemory, 1, 2*boxKey)
	if subtle.ConstantTimeCompare(key[boxKey:], check) != 1 {
		return nil, nil, errAgentPassword
	}
	plain, err = openBox(box, nonce, key[:boxKey])
	return plain, key[:boxKey], err
}

// decryptHex reads the format before 2.1.0: "length:salt:nonce:cipher", in hexadecimal digits. Nothing in it tells how its
// key was derived.
func decryptHex(line, password string) (plain, key []byte, err error) {
	fields := strings.Split(line, ":")
	if len(fields) != 4 {
		return nil, nil, errAgentFormat
	}
	length, err := strconv.Atoi(fields[0])
	if err != nil {
		return nil, nil, errAgentFormat
	}
	var part [3][]byte
	for i, field := range fields[1:] {
		if part[i], err = hex.DecodeString(field); err != nil {
			return nil, nil, fmt.Errorf("%w: its parts are not hexadecimal", errAgentFormat)
		}
	}
	salt, nonce, box := part[0], part[1], part[2]
	if length < boxOverhead || len(box) < length || len(nonce) != boxNonce || len(salt) != 16 {
		return nil, nil, fmt.Errorf("%w: lengths differ: was it cut?", errAgentFormat)
	}
	key = argon2.Key([]byte(password), salt, iPasses, iMemory, 1, boxKey)
	if plain, err = openBox(box[:length], nonce, key); err != nil {
		key = argon2.IDKey([]byte(password), salt, idPasses, idMemory, 1, boxKey)
		plain, err = openBox(box[:length], nonce, key)
	}
	return plain, key, err
}

// openBox decrypts libsodium's crypto_secretbox_easy.
func openBox(box, nonce, key []byte) ([]byte, error) {
	plain, ok := secretbox.Open(nil, box, (*[boxNonce]byte)(nonce), (*[boxKey]byte)(key))
	if !ok {
		return nil, errAgentPassword
	}
	return plain, nil
}

package auth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/crypto/ssh"
	sshagent "golang.org/x/crypto/ssh/agent"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// maxAgentKeys bounds how many keys of an agent are tried: each is a login.
const maxAgentKeys = 6

// sshKey is a key to sign with.
type sshKey struct {
	signer ssh.Signer
	name   string // a file, or the fingerprint and the comment of an agent's key
}

// sshKeys are the keys to try.
type sshKeys struct {
	all   []sshKey
	agent net.Conn // nil: none is used
}

func (k *sshKeys) close() {
	if k.agent != nil {
		k.agent.Close()
	}
}

// findKeys returns the key that the options name, or those of the agent. The error is an *Error.
func findKeys(ctx context.Context, opts SSHOptions) (*sshKeys, error) {
	text, name := unfold(opts.PrivateKeyText.Reveal()), "that is given as text"
	if len(text) == 0 && opts.PrivateKey == "" {
		return agentKeys(ctx, opts.AgentSocket, nil, "log in with the keys of the agent")
	}
	fail := func(kind Kind, problem string, err error, advice string) (*sshKeys, error) {
		return nil, &Error{Kind: kind, Attempt: "read the ssh key " + name, Problem: problem, Err: err, Advice: advice}
	}
	if len(text) == 0 {
		name = opts.PrivateKey
		read, info, err := readPEM(name)
		if err != nil {
			return fail(Config, reason(err).Error(), err, advise("ssh_private_key", "to a file with a private key"))
		}
		if public, _, _, _, err := ssh.ParseAuthorizedKey(read); err == nil {
			return agentKeys(ctx, opts.AgentSocket, public, "log in with the key "+name)
		}
		if problem := exposed(info); problem != "" {
			return fail(Unusable, fmt.Sprintf("it is not private: %s (mode %04o)", problem, info.Mode().Perm()), nil, "chmod 600 "+name)
		}
		text = read
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		if keys := fromAgent(ctx, opts, locked.PublicKey); keys != nil {
			return keys, nil
		}
		signer, err = unlock(text, opts, "the ssh key "+name)
	}
	advice := "set RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_PASSPHRASE, or RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_PASSPHRASE_FILE to a file that holds the passphrase"
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return fail(Unusable, "its passphrase is wrong", nil, advice)
	case errors.As(err, &locked):
		return fail(Config, "it is encrypted with a passphrase", nil, advice+"; or add it to an agent (ssh-add)")
	case err != nil:
		return fail(Config, "it is no private key", nil, advise("ssh_private_key", "to a file with a private key"))
	}
	return &sshKeys{all: []sshKey{{signer, name}}}, nil
}

// unlock decrypts a key with the passphrase that is given, or asked for. Without one, the error is the one of the locked key.
func unlock(text []byte, opts SSHOptions, of string) (ssh.Signer, error) {
	passphrase := opts.Passphrase
	if !passphrase.IsSet() && opts.AskPassphrase != nil {
		asked, err := opts.AskPassphrase(of)
		if err != nil {
			return nil, &ssh.PassphraseMissingError{}
		}
		passphrase = asked
	}
	if passphrase == rucio.Secret("") {
		return nil, &ssh.PassphraseMissingError{}
	}
	return ssh.ParsePrivateKeyWithPassphrase(text, []byte(passphrase.Reveal()))
}

// fromAgent returns the agent's key of a locked file, nil when there is no agent, or it has not got the key. The public key of a
// file in the old format is not known.
func fromAgent(ctx context.Context, opts SSHOptions, public ssh.PublicKey) *sshKeys {
	if opts.Passphrase.IsSet() || opts.AgentSocket == "" {
		return nil
	}
	if public == nil && opts.PrivateKey != "" {
		if text, _, err := readPEM(opts.PrivateKey + ".pub"); err == nil {
			public, _, _, _, _ = ssh.ParseAuthorizedKey(text)
		}
	}
	if public == nil {
		return nil
	}
	keys, err := agentKeys(ctx, opts.AgentSocket, public, "")
	if err != nil {
		return nil
	}
	return keys
}

// agentKeys returns the agent's key that has a public one, or all its keys, those of RSA first: Rucio takes no others yet.
func agentKeys(ctx context.Context, socket string, public ssh.PublicKey, attempt string) (*sshKeys, error) {
	fail := func(problem string, err error) (*sshKeys, error) {
		return nil, &Error{Kind: Config, Attempt: attempt, Problem: problem, Err: err,
			Advice: "add the key to an agent (ssh-add), or " + advise("ssh_private_key", "to a file with a private key")}
	}
	if socket == "" {
		return fail("it is a public key, and there is no agent that may have the private one (SSH_AUTH_SOCK)", nil)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return fail(fmt.Sprintf("the agent at %s cannot be reached: %v", socket, errors.Unwrap(err)), err)
	}
	client := sshagent.NewClient(conn)
	signers, err := client.Signers()
	if err != nil {
		conn.Close() //nolint:errcheck,gosec // the first error says it all
		return fail(fmt.Sprintf("the agent at %s does not answer: %v", socket, err), err)
	}
	keys := &sshKeys{agent: conn}
	for _, signer := range signers {
		if public == nil || bytes.Equal(signer.PublicKey().Marshal(), public.Marshal()) {
			keys.all = append(keys.all, sshKey{signer, agentName(signer.PublicKey())})
		}
	}
	if len(keys.all) == 0 {
		keys.close()
		if public != nil {
			return fail("the agent has not got the private key of it", nil)
		}
		return fail("the agent has no keys", nil)
	}
	slices.SortStableFunc(keys.all, func(a, b sshKey) int { return cmp.Compare(rsaFirst(a), rsaFirst(b)) })
	keys.all = keys.all[:min(len(keys.all), maxAgentKeys)]
	return keys, nil
}

func rsaFirst(k sshKey) int {
	if k.signer.PublicKey().Type() == ssh.KeyAlgoRSA {
		return 0
	}
	return 1
}

// agentName is what an agent's key is called in messages: its kind, its fingerprint, and its comment.
func agentName(public ssh.PublicKey) string {
	name := public.Type() + " " + ssh.FingerprintSHA256(public)
	if key, ok := public.(*sshagent.Key); ok && key.Comment != "" {
		name += " (" + key.Comment + ")"
	}
	return name
}

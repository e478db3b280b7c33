package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// SSHOptions are for the type ssh: a key file, or its text, or the keys of an agent.
type SSHOptions struct {
	// PrivateKey is a file with the key (ssh_private_key), or with the public one of a key that the agent has. PrivateKeyText is
	// the key itself, and wins; its lines may be separated by \n.
	PrivateKey     string
	PrivateKeyText rucio.Secret
	// Passphrase is that of the key. AskPassphrase asks somebody for it when the agent has not got the key; nil: nobody is there.
	Passphrase    rucio.Secret
	AskPassphrase func(of string) (rucio.Secret, error)
	// AgentSocket is where the agent listens (SSH_AUTH_SOCK); empty: there is none.
	AgentSocket string
}

// sshLogin signs a challenge with a key (Python: BaseClient.__get_token_ssh; GET /auth/ssh_challenge_token and /auth/ssh).
type sshLogin struct{ *session }

// sshIdentity is what Rucio's tokens have in place of the identity.
const sshIdentity = "ssh:pubkey"

func newSSH(s *session) (method, error) {
	if s.opts.Account == "" {
		return method{}, accountNeeded("ssh")
	}
	if opts := s.opts.SSH; opts.PrivateKey == "" && !opts.PrivateKeyText.IsSet() && opts.AgentSocket == "" {
		return method{}, &Error{Kind: Config, Problem: "auth_type is ssh, but there is neither a key nor an agent",
			Advice: advise("ssh_private_key", "to a file with a private key") + "; or run an agent (SSH_AUTH_SOCK)"}
	}
	l := &sshLogin{s}
	return method{login: l.login, identity: sshIdentity}, nil
}

// accountNeeded is the error of the ways to log in with which the server has no default account.
func accountNeeded(authType string) *Error {
	return &Error{Kind: Config, Problem: fmt.Sprintf("auth_type is %s, but account is not set", authType), Advice: advise("account", "")}
}

// login tries the keys until the server takes one. A key that is named is one; an agent may have several.
func (l *sshLogin) login(ctx context.Context) (grant, error) {
	keys, err := findKeys(ctx, l.opts.SSH)
	if err != nil {
		return grant{}, err
	}
	defer keys.close()
	var refusal *Error
	for _, key := range keys.all {
		g, err := l.loginWith(ctx, key)
		if err == nil {
			return g, nil
		}
		var e *Error
		if errors.As(err, &e) {
			e.Attempt = cmp.Or(e.Attempt, fmt.Sprintf("log in with the key %s to account %s", key.name, l.opts.Account))
		}
		if refusal = e; !errors.Is(err, UnknownIdentity) {
			return grant{}, err
		}
	}
	if len(keys.all) > 1 {
		names := make([]string, len(keys.all))
		for i, key := range keys.all {
			names[i] = key.name
		}
		refusal.Attempt = "log in with the keys of the agent to account " + l.opts.Account
		refusal.Problem = "none of them is registered for the account: " + strings.Join(names, ", ")
	}
	return grant{}, refusal
}

func (l *sshLogin) loginWith(ctx context.Context, key sshKey) (grant, error) {
	header := http.Header{"X-Rucio-Account": {l.opts.Account}}
	got, err := l.get(ctx, "/auth/ssh_challenge_token", header)
	if errors.Is(err, WrongCredentials) {
		return grant{}, l.explain(err, UnknownAccount, fmt.Sprintf("there is no account %q", l.opts.Account), advise("account", ""))
	}
	if err != nil {
		return grant{}, err
	}
	challenge := got.header.Get("X-Rucio-SSH-Challenge-Token")
	if challenge == "" {
		return grant{}, &Error{Kind: Server, Host: got.host, Problem: "it sent no challenge", Advice: "check that auth_host is a Rucio server"}
	}
	signature, err := key.sign([]byte(challenge))
	if err != nil {
		return grant{}, &Error{Kind: Unusable, Problem: "the challenge cannot be signed: " + err.Error(), Err: err}
	}
	header.Set("X-Rucio-SSH-Signature", signature)
	got, err = l.get(ctx, "/auth/ssh", header)
	if err != nil {
		return grant{}, l.explainRefusal(key, err)
	}
	return l.grant(got)
}

// explainRefusal tells what to do about a key that the server does not take.
func (l *sshLogin) explainRefusal(key sshKey, err error) error {
	var sent *rucio.Error
	switch {
	case errors.Is(err, WrongCredentials):
		identity := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.signer.PublicKey())))
		return l.explain(err, UnknownIdentity, "it is not registered for the account",
			"have an administrator of Rucio run: "+addIdentity(l.opts.Account, "SSH", identity))
	case errors.As(err, &sent) && strings.Contains(sent.Message, "class: RSAKey"):
		return l.explain(err, Unusable, fmt.Sprintf("it takes RSA keys only, and fails for all keys of an account that has another kind registered, as %s has", l.opts.Account),
			"register an RSA key for the account, and have the others removed")
	}
	return err
}

func (l *sshLogin) explain(err error, kind Kind, problem, advice string) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	explained := *e
	explained.Kind, explained.Problem, explained.Advice = kind, problem, advice
	return &explained
}

// sign signs a text as SSH does. Of RSA's algorithms it takes the one that Python's client takes.
func (k sshKey) sign(text []byte) (string, error) {
	var signature *ssh.Signature
	var err error
	signer, choosy := k.signer.(ssh.AlgorithmSigner)
	if choosy && k.signer.PublicKey().Type() == ssh.KeyAlgoRSA {
		signature, err = signer.SignWithAlgorithm(rand.Reader, text, ssh.KeyAlgoRSASHA256)
	} else {
		signature, err = k.signer.Sign(rand.Reader, text)
	}
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(ssh.Marshal(signature)), nil
}

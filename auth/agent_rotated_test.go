package auth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// A provider that replaces refresh tokens: there is a warning, the next run on this machine goes on with the new one, and a
// new container, which has the configuration only, is told why it cannot.
func TestOIDCAgentRotation(t *testing.T) {
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	idp.Account(t, name, name)
	opts.agent(t, idp, "agent-rotating", name)
	var log logBuffer
	opts.Log = log.logger()
	first := source(t, opts)
	held := token(t, first)
	renewed, err := first.Renew(t.Context(), held)
	if err != nil || renewed == held {
		t.Fatalf("renewed the same token, or not at all: %v", err)
	}
	if n := strings.Count(log.String(), "the identity provider replaces the refresh token"); n != 1 {
		t.Errorf("warned %d times, want once: %s", n, log.String())
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(cachePath(opts)), "oidc_agent_*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("kept %v, %v, want one file", files, err)
	}
	way := first.method.origin
	text, err := os.ReadFile(files[0])
	if info, statErr := os.Stat(files[0]); err != nil || statErr != nil || info.Mode() != 0o600 || strings.Contains(string(text), "-") {
		t.Errorf("the file has the mode %v and holds %q, %v", info.Mode(), text, err)
	}
	if err := os.Remove(cachePath(opts)); err != nil { // so that the next run cannot use the access token
		t.Fatal(err)
	}
	token(t, source(t, opts))

	opts.TempDir = t.TempDir()
	fails(t, opts, TokenRefused, "log in with "+way+": "+idp.TokenEndpoint()+": the refresh token is not valid any more: it has expired, was revoked, or was used by somebody else (invalid_grant)",
		"make the configuration anew: oidc-gen --reauthenticate laptop")
}

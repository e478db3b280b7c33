package testoidc

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// AgentConfig has the real oidc-agent write an account configuration, and returns its text. The client's refresh token is
// in it, encrypted with the password.
func (p *Provider) AgentConfig(t testing.TB, name, client, refreshToken, scope, password string) string {
	t.Helper()
	agent := startAgent(t)
	agent.run(t, "OIDC_TEST_PASSWORD="+password, "oidc-gen", "--prompt=none", "--confirm-default", "-m", "--client-id="+client, "--client-secret="+Secret(client),
		"--cp="+p.CA, "--redirect-uri="+Redirect, "--issuer="+p.Issuer, "--scope="+scope, "--rt="+refreshToken, "--pw-env=OIDC_TEST_PASSWORD", name)
	text, err := os.ReadFile(filepath.Join(agent.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// PrintAgentConfig has the real oidc-gen decrypt a configuration.
func PrintAgentConfig(t testing.TB, file, password string) []byte {
	t.Helper()
	return (&agent{folder: t.TempDir()}).run(t, "OIDC_TEST_PASSWORD="+password, "oidc-gen", "--pw-env=OIDC_TEST_PASSWORD", "--print="+file)
}

// agent is an oidc-agent with a folder of its own.
type agent struct{ folder, socket string }

func startAgent(t testing.TB) *agent {
	t.Helper()
	a := &agent{folder: t.TempDir()}
	var started struct {
		Socket string `json:"socket"`
		PID    any    `json:"dpid"`
	}
	out := a.run(t, "", "oidc-agent", "--json", "--no-webserver")
	if err := json.Unmarshal(out, &started); err != nil || started.Socket == "" {
		t.Fatalf("oidc-agent says %s: %v", out, err)
	}
	a.socket = started.Socket
	pid := 0
	switch given := started.PID.(type) {
	case float64:
		pid = int(given)
	case string:
		pid, _ = strconv.Atoi(given)
	}
	if pid <= 1 {
		t.Fatalf("oidc-agent says %s: no process ID", out)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGTERM) })
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) { // it returns before it listens
		conn, err := net.Dial("unix", a.socket)
		if err == nil {
			conn.Close()
			return a
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("oidc-agent does not listen: %v", err)
		}
	}
}

func (a *agent) run(t testing.TB, variable string, command ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "OIDC_CONFIG_DIR="+a.folder, "OIDC_SOCK="+a.socket, variable)
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", command[0], err, out.Bytes(), errors.Bytes())
	}
	return out.Bytes()
}

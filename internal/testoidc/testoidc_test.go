package testoidc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

func TestBrowserAndAgent(t *testing.T) {
	p := Require(t)
	user := testbed.Unique("user")
	token := p.RefreshToken(t, "agent", user, "openid profile offline_access")
	text := p.AgentConfig(t, "laptop", "agent", token, "openid profile offline_access", "pässword")
	if strings.Contains(text, token) || !strings.Contains(text, "Generated using version") {
		t.Fatalf("not encrypted: %s", text)
	}
	file := filepath.Join(t.TempDir(), "laptop")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(PrintAgentConfig(t, file, "pässword"), &config); err != nil {
		t.Fatal(err)
	}
	if config["refresh_token"] != token || config["issuer_url"] != p.Issuer+"/" {
		t.Errorf("got %v", config)
	}
}

package auth

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// places are the files of a discovery; "folder" is a path that is there and cannot be read, "-" one that is not there.
type places struct{ variable, file, runtime, temp string }

// lay makes the files below a new folder and returns the discovery that looks there.
func (p places) lay(t *testing.T) WLCG {
	t.Helper()
	root := t.TempDir()
	w := WLCG{BearerToken: rucio.Secret(p.variable), UID: os.Geteuid(), TempDir: filepath.Join(root, "tmp"), RuntimeDir: filepath.Join(root, "run")}
	name := fmt.Sprintf("bt_u%d", w.UID)
	for path, text := range map[string]string{filepath.Join(root, "file"): p.file, filepath.Join(w.RuntimeDir, name): p.runtime, filepath.Join(w.TempDir, name): p.temp} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		switch text {
		case "-":
		case "folder":
			err = os.Mkdir(path, 0o700)
		default:
			err = os.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if p.file != "unset" {
		w.BearerTokenFile = filepath.Join(root, "file")
	}
	return w
}

// The discovery finds what Python's client finds, in the same order, for every combination of what may be in a place.
func TestDiscoveryAsPython(t *testing.T) {
	bed := testbed.Require(t)
	var cases []places
	for _, variable := range []string{"", "  \n", " token-of-variable\n"} {
		for _, file := range []string{"unset", "-", "", "token-of-file\n\n", "folder"} {
			for _, runtime := range []string{"-", "\n", "token-of-runtime", "folder"} {
				for _, temp := range []string{"-", " token-of-temp ", "folder"} {
					cases = append(cases, places{variable, file, runtime, temp})
				}
			}
		}
	}
	var args []string
	var ours []string
	for _, c := range cases {
		w := c.lay(t)
		token, _, _ := w.find()
		ours = append(ours, token.Reveal())
		args = append(args, w.BearerToken.Reveal(), w.BearerTokenFile, w.RuntimeDir, w.TempDir)
	}
	// /tmp in the client's code cannot be set, so that it is led elsewhere where it opens files
	script := `
import builtins, os, sys
import rucio.common.utils as utils
args = sys.argv[1:]
for i in range(0, len(args), 4):
    for name, value in zip(("BEARER_TOKEN", "BEARER_TOKEN_FILE", "XDG_RUNTIME_DIR"), args[i:i + 3]):
        os.environ[name] = value
    temp = args[i + 3]
    utils.open = lambda path, mode: builtins.open(temp + path[4:] if path.startswith("/tmp/bt_u") else path, mode)
    print("found:" + (utils.wlcg_token_discovery() or ""))
`
	theirs := strings.Split(python(t, bed, nil, script, args...), "\n")
	if len(theirs) != len(cases) {
		t.Fatalf("Python answers %d lines for %d cases", len(theirs), len(cases))
	}
	for i, c := range cases {
		if "found:"+ours[i] != theirs[i] {
			t.Errorf("%+v: found %q, Python %s", c, ours[i], theirs[i])
		}
	}
}

func TestDiscoveryOrigin(t *testing.T) {
	for _, test := range []struct {
		places places
		origin string
		err    string
	}{
		{places{" x ", "y", "z", "-"}, "BEARER_TOKEN", ""},
		{places{"", "y", "z", "-"}, "BEARER_TOKEN_FILE (ROOT/file)", ""},
		{places{"", "-", "z", "-"}, "ROOT/run/bt_uUID", ""},
		{places{"", "unset", "-", "w"}, "ROOT/tmp/bt_uUID", ""},
		{places{"", "unset", "-", "-"}, "", ""},
		{places{"", "folder", "z", "w"}, "BEARER_TOKEN_FILE (ROOT/file)", "BEARER_TOKEN_FILE (ROOT/file): it is not a regular file"},
		{places{"", "y\x00", "z", "w"}, "BEARER_TOKEN_FILE (ROOT/file)", "BEARER_TOKEN_FILE (ROOT/file): there is no token in it"},
	} {
		w := test.places.lay(t)
		_, origin, err := w.find()
		plain := strings.NewReplacer(filepath.Dir(w.TempDir), "ROOT", fmt.Sprintf("bt_u%d", w.UID), "bt_uUID")
		message := ""
		if err != nil {
			message = plain.Replace(err.Error())
		}
		if plain.Replace(origin) != test.origin || message != test.err {
			t.Errorf("%+v: got %q, %q, want %q, %q", test.places, plain.Replace(origin), message, test.origin, test.err)
		}
	}
}

// Everybody can write to /tmp: a token that another user left there is not ours.
func TestDiscoveryOfAnothersToken(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make another user's file")
	}
	w := places{"", "-", "-", "planted"}.lay(t)
	path := filepath.Join(w.TempDir, fmt.Sprintf("bt_u%d", w.UID))
	if err := os.Chown(path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if token, _, err := w.find(); token.IsSet() || err == nil || err.Error() != path+": it belongs to another user" {
		t.Errorf("got %q, %v", token.Reveal(), err)
	}
}

package transfer_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

func TestDownloadFromMetalink(t *testing.T) {
	l := newLake(t, nil)
	content, other := random(1000), random(2000)
	one, two := l.put("1", content, "POSIX1", "POSIX2"), l.put("2", other, "POSIX3")
	set := strings.TrimPrefix(l.dataset("set", one, two), "test:")
	var text string
	for row, err := range l.c.ListReplicas(t.Context(), []rucio.DID{{Scope: "test", Name: set}}, &rucio.ListReplicasOptions{Metalink: true, ResolveParents: true}) {
		must(t, err)
		text = row.Metalink
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "x.meta4")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	var traces []map[string]any
	result, err := transfer.DownloadFromMetalinkFile(t.Context(), l.c, transfer.Item{"base_dir": folder}, path, &transfer.DownloadPFNsOptions{TracesCopyOut: &traces})
	must(t, err)
	holds(t, l.path(folder, one), content)
	holds(t, l.path(folder, two), other)
	if len(result) != 2 || result[0]["adler32"] != adler(content) || len(traces) != 2 || len(result[0]["sources"].([]map[string]any)) != 2 {
		t.Errorf("got %v, %v", result, traces)
	}
	for text, class := range map[string]rucio.Exception{
		"no XML": rucio.ErrMetalinkJsonParsingError,
		`<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="x"><size>5</size></file></metalink>`:                            rucio.ErrInputValidationError,
		`<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="x"><identity>a:b</identity><size>five</size></file></metalink>`: rucio.ErrInputValidationError,
	} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if _, err := transfer.DownloadFromMetalinkFile(t.Context(), l.c, transfer.Item{}, path, nil); !errors.Is(err, class) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if _, err := transfer.DownloadFromMetalinkFile(t.Context(), l.c, transfer.Item{}, path+"x", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestDownloadExpired: signatures in an old metalink have expired; Rucio signs anew.
func TestDownloadExpired(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	d := door{"S31", "https", ""}
	l := newLake(t, d.setup(t, env, vars))
	content := random(1000)
	did := l.upload(d, content)[0]
	scope, name, _ := strings.Cut(did, ":")
	var text string
	for row, err := range l.c.ListReplicas(t.Context(), []rucio.DID{{Scope: scope, Name: name}}, &rucio.ListReplicasOptions{Metalink: true, SignatureLifetime: new(1)}) {
		must(t, err)
		text = row.Metalink
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "x.meta4")
	old := regexp.MustCompile(`(X-Amz-Signature=)\w{8}`).ReplaceAllString(text, "${1}00000000")
	if old == text {
		t.Fatalf("no signature in %s", text)
	}
	must(t, os.WriteFile(path, []byte(old), 0o600))
	result, err := transfer.DownloadFromMetalinkFile(t.Context(), l.c, transfer.Item{"base_dir": folder}, path, nil)
	must(t, err)
	holds(t, l.path(folder, did), content)
	if result[0]["attemptnr"] != 1 {
		t.Errorf("got %v", result)
	}
}

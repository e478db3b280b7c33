package storage_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
)

// rootOptions are for the testbed's XRootD servers that want TLS and a token.
func rootOptions(t *testing.T, vars map[string]string) storage.Options {
	t.Helper()
	pem, err := os.ReadFile(vars["TESTBED_XROOTD_CA"])
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	config.RootCAs.AppendCertsFromPEM(pem)
	return storage.Options{
		TLS: config, Proxy: vars["TESTBED_XROOTD_PROXY"], CADir: vars["TESTBED_XROOTD_CERT_DIR"],
		Token: func(context.Context, string) (rucio.Secret, error) {
			token, err := os.ReadFile(vars["TESTBED_XROOTD_TOKEN"])
			return rucio.Secret(token), err
		},
	}
}

func address(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	return strings.TrimRight(rest, "/")
}

func TestRoot(t *testing.T) {
	vars := testbed.RequireService(t, "xrootd")
	names := slices.DeleteFunc(slices.Clone(storagetest.Names), func(name string) bool {
		return strings.Contains(name, "?") // no XRootD server can have it: it begins the opaque part
	})
	withToken, anonymous := rootOptions(t, vars), vars["TESTBED_XROOTD_URL"]
	gsi, err := storage.NewRootTool(withToken)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		url     string
		backend storage.Backend
		door    storagetest.Door
	}{
		"anonymous": {anonymous, storage.NewRoot(storage.Options{}, storage.RootOptions{}), storagetest.Door{}},
		"xroot":     {strings.Replace(anonymous, "root:", "xroot:", 1), storage.NewRoot(storage.Options{}, storage.RootOptions{}), storagetest.Door{}},
		"pages":     {anonymous, storage.NewRoot(storage.Options{}, storage.RootOptions{Pages: true}), storagetest.Door{}},
		"token": {strings.Replace(vars["TESTBED_XROOTD_TOKEN_URL"], "root:", "roots:", 1),
			storage.NewRoot(withToken, storage.RootOptions{}), storagetest.Door{}},
		"unix": {vars["TESTBED_XROOTD_UNIX_URL"], storage.NewRoot(storage.Options{}, storage.RootOptions{User: "alice"}),
			storagetest.Door{ReadOnly: vars["TESTBED_XROOTD_UNIX_URL"] + "/readonly/x", Checksums: []string{"adler32"}}},
		"cluster": {vars["TESTBED_XROOTD_CLUSTER_URL"], storage.NewRoot(storage.Options{}, storage.RootOptions{}), storagetest.Door{}},
		"gsi":     {vars["TESTBED_XROOTD_GSI_URL"], gsi, storagetest.Door{ReadOnly: vars["TESTBED_XROOTD_GSI_URL"] + "/readonly/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // a manager waits a second for its servers at each new name
			defer test.backend.Close()
			door := test.door
			door.Backend, door.Base, door.Names = test.backend, test.url+"/"+testbed.Unique("suite"), names
			switch name {
			case "cluster": // its manager redirects around a proxy, and does not hear of names with spaces
				door.Names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.Contains(name, " ") })
			case "gsi": // by xrdcp, which makes good what breaks
			default:
				door.Server = address(test.url)
			}
			storagetest.Run(t, door)
		})
	}
}

// Open has a backend for each of the schemes, and the installed programs where they are asked for.
func TestRootIsOpened(t *testing.T) {
	for _, scheme := range []string{"root", "roots", "xroot", "xroots"} {
		open(t, scheme, storage.Options{})
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := storage.Open("root", storage.Options{XRootDTool: true}); !storage.Is(err, storage.Unsupported) || !strings.Contains(err.Error(), "needs the program xrdcp") {
		t.Errorf("without xrdcp: %v", err)
	}
}

func TestRootErrors(t *testing.T) {
	vars := testbed.RequireService(t, "xrootd")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	l.Close()
	b := storage.NewRoot(storage.Options{TLS: rootOptions(t, vars).TLS}, storage.RootOptions{User: "mallory"})
	defer b.Close()
	for name, test := range map[string]struct {
		pfn  string
		kind storage.Kind
		text string
	}{
		"dead":        {"root://" + dead + "//x", storage.Unavailable, "connection refused"},
		"no login":    {vars["TESTBED_XROOTD_TOKEN_URL"] + "/x", storage.Denied, "it takes ztn; we have"},
		"read-only":   {vars["TESTBED_XROOTD_UNIX_URL"] + "/readonly/x", storage.Denied, "permission denied"},
		"no root URL": {"davs://x//x", storage.Other, "not a root URL"},
		"opaque":      {"root://" + dead + "//x?authz=secret", storage.Unavailable, "put root://" + dead + "//x: "},
	} {
		err := b.Put(t.Context(), test.pfn, storage.FromBytes([]byte("x")), storage.PutOptions{})
		var ours *storage.Error
		if !errors.As(err, &ours) || ours.Kind != test.kind || !strings.Contains(err.Error(), test.text) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %s: %s", name, err, test.kind, test.text)
		}
	}
}

// An overwrite that fails and can't clean up has left nothing under the object's own name, which nobody is told to remove then.
func TestRootOverwriteThatFails(t *testing.T) {
	vars := testbed.RequireService(t, "xrootd")
	b := storage.NewRoot(storage.Options{}, storage.RootOptions{})
	defer b.Close()
	url, server := vars["TESTBED_XROOTD_URL"]+"/"+testbed.Unique("overwrite-"), address(vars["TESTBED_XROOTD_URL"])
	if err := b.Put(t.Context(), url, storage.FromBytes([]byte("old")), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	proxy := storagetest.NewProxy(t, server)
	proxy.CutUp(1 << 20)
	proxy.DownAfterCut()
	err := b.Put(t.Context(), strings.Replace(url, server, proxy.Addr, 1), storagetest.Zeros(8<<20), storage.PutOptions{Overwrite: true})
	var ours *storage.Error
	if !errors.As(err, &ours) || ours.Kind != storage.Unavailable || ours.Half || !strings.Contains(err.Error(), "remains as "+ours.PFN+".upload-") {
		t.Errorf("error %v, want where the half is", err)
	}
	if got, err := read(t, b, url, 0, -1); got != "old" || err != nil {
		t.Errorf("the object that was to be overwritten: %q, %v", got, err)
	}
}

// GSI is for the installed xrdcp (see TestRoot), which has to be chosen, is named in the log, and needs a proxy.
func TestRootTool(t *testing.T) {
	vars := testbed.RequireService(t, "xrootd")
	options := rootOptions(t, vars)
	options.Proxy = t.TempDir() + "/none"
	var said bytes.Buffer
	options.Log = slog.New(slog.NewTextHandler(&said, nil))
	b, err := storage.NewRootTool(options)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "served by the installed xrdcp") {
		t.Errorf("the log says %q", said.String())
	}
	if _, err := b.Stat(t.Context(), vars["TESTBED_XROOTD_GSI_URL"]+"/x"); !storage.Is(err, storage.Denied) {
		t.Errorf("without a proxy: %v", err)
	}
}

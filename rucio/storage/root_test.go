package storage_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
	all := storagetest.Names
	defer func() { storagetest.Names = all }()
	storagetest.Names = slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		return strings.Contains(name, "?") // no XRootD server can have it: it begins the opaque part
	})
	withToken := rootOptions(t, vars)
	for name, test := range map[string]struct {
		url     string
		options storage.Options
		own     storage.RootOptions
	}{
		"anonymous": {vars["TESTBED_XROOTD_URL"], storage.Options{}, storage.RootOptions{}},
		"pages":     {vars["TESTBED_XROOTD_URL"], storage.Options{}, storage.RootOptions{Pages: true}},
		"token":     {strings.Replace(vars["TESTBED_XROOTD_TOKEN_URL"], "root:", "roots:", 1), withToken, storage.RootOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			b := storage.NewRoot(test.options, test.own)
			defer b.Close()
			storagetest.Run(t, storagetest.Door{Backend: b, Base: test.url + "/" + testbed.Unique("suite "), Server: address(test.url)})
		})
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

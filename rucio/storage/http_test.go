package storage_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
)

// trust is a TLS configuration with the testbed's CA, and a client certificate if one is named.
func trust(t testing.TB, env *testbed.Env, cert, key string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(env.CA)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(pem)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config
}

func TestWebDAV(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "webdav")
	url := vars["TESTBED_WEBDAV_URL"]
	certificate := storage.Options{TLS: trust(t, env, env.UserCert, env.UserKey)}
	token := storage.Options{TLS: trust(t, env, "", ""), Token: func(context.Context, string) (rucio.Secret, error) {
		return rucio.Secret(vars["TESTBED_WEBDAV_TOKEN"]), nil
	}}
	for name, test := range map[string]struct {
		options storage.Options
		folder  string
	}{
		"certificate": {certificate, ""}, "token": {token, ""},
		"certificate, redirected": {certificate, "/pool"}, "token, redirected": {token, "/pool"}, "token, redirected by 302": {token, "/found"},
	} {
		t.Run(name, func(t *testing.T) {
			door := storagetest.Door{Backend: open(t, url, test.options), Base: url + test.folder, ReadOnly: url + "/readonly/file", Checksums: []string{}}
			if test.folder == "" { // no proxy stands before the pool
				door.Server = strings.TrimPrefix(url, "davs://")
			}
			storagetest.Run(t, door)
		})
	}
	nobody := open(t, "davs", storage.Options{TLS: trust(t, env, "", "")})
	if err := nobody.Put(t.Context(), url+"/nobody", storage.FromBytes(nil), storage.PutOptions{}); !storage.Is(err, storage.Denied) {
		t.Errorf("error %v, want permission denied", err)
	}
	somebody := open(t, "davs", certificate)
	err := somebody.Put(t.Context(), url+"/small/file", storage.FromBytes(make([]byte, 2000)), storage.PutOptions{})
	if !storage.Is(err, storage.NoSpace) {
		t.Errorf("error %v, want no space", err)
	}
}

// XRootD's own http door: plain, with a token, with a certificate and with a proxy. Version 5.5 unescapes names
// twice and ends them at a question mark or hash.
func TestXRootDOverHTTP(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "xrootd")
	token, err := os.ReadFile(vars["TESTBED_XROOTD_TOKEN"])
	if err != nil {
		t.Fatal(err)
	}
	withToken := storage.Options{TLS: trust(t, env, "", ""), Token: func(context.Context, string) (rucio.Secret, error) {
		return rucio.Secret(token), nil
	}}
	readOnly := vars["TESTBED_XROOTD_X509_URL"] + "/readonly/file"
	for name, test := range map[string]struct {
		url      string
		options  storage.Options
		readOnly string
	}{
		"plain":       {vars["TESTBED_XROOTD_HTTP_URL"], withToken, ""},
		"token":       {vars["TESTBED_XROOTD_HTTPS_URL"], withToken, ""},
		"certificate": {vars["TESTBED_XROOTD_X509_URL"], storage.Options{TLS: trust(t, env, env.UserCert, env.UserKey)}, readOnly},
		"proxy":       {vars["TESTBED_XROOTD_X509_URL"], storage.Options{TLS: trust(t, env, env.Proxy, env.Proxy)}, readOnly},
	} {
		t.Run(name, func(t *testing.T) {
			url, options := test.url, test.options
			_, server, _ := strings.Cut(url, "://")
			var names []string
			for _, name := range storagetest.Names {
				if !strings.ContainsAny(name, "%#?") {
					names = append(names, name)
				}
			}
			storagetest.Run(t, storagetest.Door{
				Backend: open(t, url, options), Base: url, Server: server, Names: names, InPlace: true, Pages: true, ReadOnly: test.readOnly,
			})
		})
	}
}

// A door can't move anything to another one. XRootD would take the path, and move it within itself.
func TestRenameToAnotherServer(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "xrootd")
	b := open(t, "davs", storage.Options{TLS: trust(t, env, env.UserCert, env.UserKey)})
	name := "/" + testbed.Unique("rename-")
	from := vars["TESTBED_XROOTD_X509_URL"] + name
	if err := b.Put(t.Context(), from, storage.FromBytes([]byte("content")), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Rename(t.Context(), from, vars["TESTBED_XROOTD_HTTP_URL"]+name+"-moved"); !storage.Is(err, storage.Unsupported) {
		t.Errorf("error %v, want that it is not supported", err)
	}
	if got, err := read(t, b, from, 0, -1); got != "content" || err != nil {
		t.Errorf("what was not to be moved: %q, %v", got, err)
	}
}

package xrd

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// servers returns the testbed's variables of XRootD.
func servers(tb testing.TB) map[string]string {
	tb.Helper()
	return testbed.RequireService(tb, "xrootd")
}

func newClient(tb testing.TB, o Options) *Client {
	tb.Helper()
	c := New(o)
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// trust returns the TLS configuration for the testbed, and its token.
func trust(tb testing.TB, vars map[string]string) (*tls.Config, func(context.Context, string) (rucio.Secret, error)) {
	tb.Helper()
	pem, err := os.ReadFile(vars["TESTBED_XROOTD_CA"])
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, func(context.Context, string) (rucio.Secret, error) {
		token, err := os.ReadFile(vars["TESTBED_XROOTD_TOKEN"])
		return rucio.Secret(token), err
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

func adler(b []byte) string { return fmt.Sprintf("%08x", adler32.Checksum(b)) }

func put(tb testing.TB, c *Client, url string, data []byte) {
	tb.Helper()
	if err := c.Put(tb.Context(), url, bytes.NewReader(data), int64(len(data)), false); err != nil {
		tb.Fatal(err)
	}
}

func get(ctx context.Context, c *Client, url string, offset, length int64) ([]byte, error) {
	r, err := c.Get(ctx, url, offset, length)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func TestServers(t *testing.T) {
	vars := servers(t)
	config, token := trust(t, vars)
	for name, test := range map[string]struct {
		url     string
		options Options
	}{
		"anonymous": {vars["TESTBED_XROOTD_URL"], Options{}},
		"pages":     {vars["TESTBED_XROOTD_URL"], Options{Pages: true}},
		"unix":      {vars["TESTBED_XROOTD_UNIX_URL"], Options{User: "alice", Group: "users", Protocols: []string{ProtocolUnix}}},
		"ztn":       {vars["TESTBED_XROOTD_TOKEN_URL"], Options{TLS: config, Token: token}},
		"roots":     {strings.Replace(vars["TESTBED_XROOTD_TOKEN_URL"], "root", "roots", 1), Options{TLS: config, Token: token, Pages: true}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, test.options)
			base := test.url + "/" + testbed.Unique("a b%20ü+&#-")
			for _, size := range []int{0, 1, 4096, 4097, chunk, 3*chunk + 777} {
				everything(t, c, fmt.Sprintf("%s/sub dir/%d", base, size), randomBytes(size))
			}
			if err := errors.Join(c.Remove(t.Context(), base+"/sub dir"), c.Remove(t.Context(), base)); err != nil {
				t.Error(err)
			}
		})
	}
}

// everything takes a file through all that can happen to it, and removes it.
func everything(t *testing.T, c *Client, url string, data []byte) {
	t.Helper()
	ctx, size := t.Context(), int64(len(data))
	put(t, c, url, data)
	if err := c.Put(ctx, url, bytes.NewReader(data), size, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second put: %v, want fs.ErrExist", err)
	}
	if err := c.Put(ctx, url, bytes.NewReader(data), size, true); err != nil {
		t.Errorf("overwrite: %v", err)
	}
	if info, err := c.Stat(ctx, url); err != nil || info.Size != size || info.Folder || info.ModTime.IsZero() {
		t.Errorf("stat: %+v, %v", info, err)
	}
	for _, span := range [][2]int64{{0, -1}, {0, size + 5}, {1, 4100}, {size / 2, -1}, {size, -1}, {size + 9, 3}, {0, 0}} {
		from, to := min(span[0], size), size
		if span[1] >= 0 {
			to = min(from+span[1], size)
		}
		if got, err := get(ctx, c, url, span[0], span[1]); err != nil || !bytes.Equal(got, data[from:to]) {
			t.Errorf("get %v of %d: %d bytes, %v", span, size, len(got), err)
		}
	}
	if sum, err := c.Checksum(ctx, url, "adler32"); err != nil || sum != adler(data) {
		t.Errorf("adler32 %s, %v, want %s", sum, err, adler(data))
	}
	want := md5.Sum(data)
	if sum, err := c.Checksum(ctx, url, "md5"); !errors.Is(err, errors.ErrUnsupported) && sum != hex.EncodeToString(want[:]) {
		t.Errorf("md5 %s, %v, want %x or unsupported", sum, err, want)
	}
	moved := url + " mövéd/x/y"
	if err := c.Move(ctx, url, moved); err != nil {
		t.Fatalf("move into a folder that is not there: %v", err)
	}
	if _, err := c.Stat(ctx, url); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of what was moved: %v", err)
	}
	for entry, err := range c.List(ctx, url+" mövéd/x") {
		if err != nil || entry.Name != "y" || entry.Size != size || entry.Folder {
			t.Errorf("list: %+v, %v", entry, err)
		}
	}
	for _, rest := range []string{moved, url + " mövéd/x", url + " mövéd"} {
		if err := c.Remove(ctx, rest); err != nil {
			t.Errorf("remove: %v", err)
		}
	}
	if err := c.Remove(ctx, moved); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("remove of nothing: %v", err)
	}
}

func TestFolders(t *testing.T) {
	vars, ctx := servers(t), t.Context()
	c := newClient(t, Options{})
	base := vars["TESTBED_XROOTD_URL"] + "/" + testbed.Unique("folder-")
	for range 2 {
		if err := c.Mkdir(ctx, base+"/a/b"); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for i := range 300 { // more than one piece of an answer
		name := fmt.Sprintf("%s-%03d", strings.Repeat("long name ", 20), i)
		want = append(want, name)
		put(t, c, base+"/a/b/"+name, nil)
	}
	var got []string
	for entry, err := range c.List(ctx, base+"/a/b") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry.Name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%d entries, want %d", len(got), len(want))
	}
	for range c.List(ctx, base+"/a/b") {
		break
	}
	if err := c.Remove(ctx, base+"/a/b"); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("removing a folder with files: %v", err)
	}
	for _, err := range c.List(ctx, base+"/none") {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("listing nothing: %v", err)
		}
	}
	space, err := c.Space(ctx, base)
	if err != nil || space.Free <= 0 || space.Used <= 0 || space.Total < space.Free {
		t.Errorf("space %+v, %v", space, err)
	}
}

// A manager redirects, its servers know us by our host, and its servers hold different files of one folder.
func TestCluster(t *testing.T) {
	vars, ctx := servers(t), t.Context()
	c := newClient(t, Options{})
	base := vars["TESTBED_XROOTD_CLUSTER_URL"] + "/" + testbed.Unique("cluster-")
	data := randomBytes(chunk + 1)
	var want []string
	for i := range 4 { // the manager takes its servers in turn
		want = append(want, fmt.Sprint("f ", i))
		put(t, c, base+"/"+want[i], data)
	}
	if got, err := get(ctx, c, base+"/f 1", 0, -1); err != nil || !bytes.Equal(got, data) {
		t.Errorf("get: %d bytes, %v", len(got), err)
	}
	if sum, err := c.Checksum(ctx, base+"/f 2", "adler32"); err != nil || sum != adler(data) {
		t.Errorf("adler32 %s, %v", sum, err)
	}
	var got []string
	for entry, err := range c.List(ctx, base) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry.Name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if err := c.Move(ctx, base+"/f 3", base+"/other/g"); err != nil {
		t.Errorf("move into a folder that is not there: %v", err)
	}
	if err := c.Remove(ctx, base+"/f 0"); err != nil {
		t.Error(err)
	}
	if err := c.Put(ctx, base+"/f 1", bytes.NewReader(data), int64(len(data)), false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("put over a file: %v", err)
	}
}

func TestLoginRefused(t *testing.T) {
	vars := servers(t)
	config, token := trust(t, vars)
	bad := func(context.Context, string) (rucio.Secret, error) { return "not.a.token", nil }
	for name, test := range map[string]struct {
		url     string
		options Options
		want    string
	}{
		"gsi":          {vars["TESTBED_XROOTD_GSI_URL"], Options{TLS: config}, "it takes gsi; we have unix, host and, with a token and in TLS, ztn; for others (gsi) choose xrdcp"},
		"not allowed":  {vars["TESTBED_XROOTD_UNIX_URL"], Options{Protocols: []string{ProtocolZTN}}, "it takes unix;"},
		"no token":     {vars["TESTBED_XROOTD_TOKEN_URL"], Options{TLS: config}, "it takes ztn"},
		"bad token":    {vars["TESTBED_XROOTD_TOKEN_URL"], Options{TLS: config, Token: bad}, "ztn: "},
		"other CA":     {vars["TESTBED_XROOTD_TOKEN_URL"], Options{Token: token}, "certificate signed by unknown authority"},
		"roots no TLS": {strings.Replace(vars["TESTBED_XROOTD_URL"], "root", "roots", 1), Options{TLS: config}, "it has no TLS, which roots:// demands"},
	} {
		_, err := newClient(t, test.options).Stat(t.Context(), test.url+"/")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "not.a.token") {
			t.Errorf("%s: the token is in the error: %v", name, err)
		}
	}
}

func TestSourceOfAnotherSize(t *testing.T) {
	c := newClient(t, Options{})
	url := servers(t)["TESTBED_XROOTD_URL"] + "/" + testbed.Unique("size-")
	for size, want := range map[int64]string{
		10: "the source gave 5 bytes, 10 were announced", 2: "the source gives more than the 2 bytes that were announced",
	} {
		err := c.Put(t.Context(), url, strings.NewReader("12345"), size, false)
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if _, err := c.Stat(t.Context(), url); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a half file remains: %v", err)
		}
	}
}

// door is what a Client and a Tool have in common.
type door interface {
	Put(ctx context.Context, url string, src io.Reader, size int64, overwrite bool) error
	Get(ctx context.Context, url string, offset, length int64) (io.ReadCloser, error)
	Stat(ctx context.Context, url string) (Info, error)
	Checksum(ctx context.Context, url, algorithm string) (string, error)
	Move(ctx context.Context, from, to string) error
	Mkdir(ctx context.Context, url string) error
	Remove(ctx context.Context, url string) error
	List(ctx context.Context, url string) iter.Seq2[Info, error]
}

// The opaque part of a URL may hold what opens the storage.
func TestErrorsTellNoSecrets(t *testing.T) {
	vars, ctx := servers(t), t.Context()
	tool, err := NewTool(ToolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, Options{})
	for name, test := range map[string]struct {
		door
		url string
	}{
		"client": {client, vars["TESTBED_XROOTD_URL"]}, "cluster": {client, vars["TESTBED_XROOTD_CLUSTER_URL"]}, "tool": {tool, vars["TESTBED_XROOTD_URL"]},
	} {
		t.Run(name, func(t *testing.T) {
			const opaque = "?authz=secret"
			folder := test.url + "/" + testbed.Unique("opaque-")
			none, file, other := folder+"/none"+opaque, folder+"/file"+opaque, folder+"/other"+opaque
			for _, url := range []string{file, other} {
				if err := test.Put(ctx, url, strings.NewReader("x"), 1, false); err != nil {
					t.Fatal(err)
				}
			}
			_, get := test.Get(ctx, none, 0, -1)
			_, getFolder := test.Get(ctx, folder+opaque, 0, -1)
			_, stat := test.Stat(ctx, none)
			_, sum := test.Checksum(ctx, none, "adler32")
			var list error
			for _, err := range test.List(ctx, none) {
				list = err
			}
			for what, err := range map[string]error{
				"get": get, "get of a folder": getFolder, "stat": stat, "checksum": sum, "list": list,
				"put over a file": test.Put(ctx, file, strings.NewReader("x"), 1, false), "move": test.Move(ctx, none, other),
				"remove": test.Remove(ctx, none), "remove of a folder": test.Remove(ctx, folder+opaque), "mkdir": test.Mkdir(ctx, file),
			} {
				if err == nil || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: error %v, want one without the secret", what, err)
				}
			}
		})
	}
}

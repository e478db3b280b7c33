package storage_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
)

// What real servers of the testbed don't do.

// fake serves over TLS and returns its davs URL and options that trust it and carry a token.
func fake(t *testing.T, serve http.HandlerFunc) (string, storage.Options) {
	t.Helper()
	server := httptest.NewUnstartedServer(serve)
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return "davs://" + server.Listener.Addr().String(), storage.Options{
		TLS:     &tls.Config{RootCAs: pool},
		Silence: 10 * time.Second,
		Token:   func(context.Context, string) (rucio.Secret, error) { return "token-of-the-door", nil },
	}
}

func TestTokensStayAtTheDoor(t *testing.T) {
	var seen []string
	note := func(where string, r *http.Request) {
		seen = append(seen, where+" "+r.Method+" "+r.Header.Get("Authorization"))
	}
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note("plain", r)
		fmt.Fprint(w, "content")
	}))
	defer plain.Close()
	other, _ := fake(t, func(w http.ResponseWriter, r *http.Request) {
		note("other", r)
		http.Redirect(w, r, plain.URL+"/x", http.StatusFound)
	})
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		note("door", r)
		if r.URL.Path == "/a" {
			http.Redirect(w, r, "/b?uuid=1", http.StatusTemporaryRedirect)
			return
		}
		http.Redirect(w, r, "https"+strings.TrimPrefix(other, "davs")+"/pool", http.StatusTemporaryRedirect)
	})
	b := open(t, url, options)
	if got, err := read(t, b, url+"/a", 0, -1); err != nil || got != "content" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := read(t, b, strings.Replace(plain.URL, "http:", "dav:", 1)+"/x", 0, -1); err != nil || got != "content" {
		t.Errorf("%q, %v", got, err)
	}
	want := "door GET Bearer token-of-the-door, door GET Bearer token-of-the-door, other GET , plain GET , plain GET "
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("requests were\n%s, want\n%s", got, want)
	}
}

func TestRedirectsThatLeadNowhere(t *testing.T) {
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			w.Header().Set("Location", "/loop")
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
		case "/see":
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		w.WriteHeader(http.StatusFound)
	})
	b := open(t, url, options)
	for path, want := range map[string]string{
		"/loop": "redirects more than 10 times", "/file": "redirects to an address that can't be used", "/none": "redirects more than 10 times",
	} {
		if _, err := read(t, b, url+path, 0, -1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
	err := b.Put(t.Context(), url+"/see", storage.FromBytes([]byte("x")), storage.PutOptions{Overwrite: true})
	if err == nil || !strings.Contains(err.Error(), "the server answers 303 See Other") {
		t.Errorf("error %v, want the 303", err)
	}
}

// A door that redirects gets no bytes: they go to the pool alone, with all that the door was told of them.
func TestUploadThroughARedirect(t *testing.T) {
	var got string
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == "PROPFIND":
			w.WriteHeader(http.StatusNotFound)
		case r.URL.RawQuery == "":
			http.Redirect(w, r, r.URL.Path+"?pool", http.StatusFound)
		default:
			body, _ := io.ReadAll(r.Body)
			got = fmt.Sprint(r.Method, " ", string(body), " ", r.Header.Get("Digest"), " ", r.Header.Get("Content-MD5"))
			w.WriteHeader(http.StatusCreated)
		}
	})
	opened := 0
	src := counted{storage.FromBytes([]byte("some bytes")), &opened}
	sums := map[string]string{"adler32": "15C103FC", "md5": ""}
	if err := open(t, url, options).Put(t.Context(), url+"/f", src, storage.PutOptions{Checksums: sums}); err != nil {
		t.Fatal(err)
	}
	if want := "PUT some bytes adler32=15c103fc "; got != want {
		t.Errorf("the pool got %q, want %q", got, want)
	}
	if opened != 2 {
		t.Errorf("the source was opened %d times, want once for the door and once for the pool", opened)
	}
}

type counted struct {
	storage.Source
	opened *int
}

func (c counted) Open() (io.ReadCloser, error) { *c.opened++; return c.Source.Open() }

func TestDigests(t *testing.T) {
	headers := map[string]http.Header{}
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		for name, values := range headers[r.URL.Path] {
			w.Header()[name] = values
		}
	})
	b := open(t, url, options)
	for i, test := range []struct {
		algorithm, name, value, want string
	}{
		{"adler32", "Digest", "adler32=15c103fc", "15c103fc"},
		{"adler32", "Digest", "md5=4fEM86MuMfOtd5pqFkKrQg==, ADLER32=1C103FC", "01c103fc"},
		{"adler32", "Digest", "adler32=FcED/A==", "15c103fc"},
		{"md5", "Digest", "md5=AQIDBAUGBwgJCgsMDQ4PEA==", "0102030405060708090a0b0c0d0e0f10"},
		{"md5", "Digest", "md5=0102030405060708090A0B0C0D0E0F10", "0102030405060708090a0b0c0d0e0f10"},
		{"adler32", "Repr-Digest", "adler=:FcED/A==:", "15c103fc"},
		{"md5", "Repr-Digest", "sha-256=:xx:, md5=:AQIDBAUGBwgJCgsMDQ4PEA==:", "0102030405060708090a0b0c0d0e0f10"},
		{"md5", "Digest", "adler32=15c103fc", ""}, {"adler32", "Digest", "adler32=rubbish", ""}, {"adler32", "Digest", "adler32", ""},
	} {
		path := fmt.Sprint("/", i)
		headers[path] = http.Header{test.name: {test.value}}
		got, err := b.Checksum(t.Context(), url+path, test.algorithm)
		if got != test.want || (test.want == "") != storage.Is(err, storage.Unsupported) {
			t.Errorf("%s of %s: %s: got %q, %v, want %q", test.algorithm, test.name, test.value, got, err, test.want)
		}
	}
}

// An answer as dCache gives it: quotas, prefixes of its own, whole addresses.
const answer = `<?xml version="1.0" encoding="utf-8"?><d:multistatus xmlns:d="DAV:" xmlns:ns1="http://srm.lbl.gov/StorageResourceManager">
<d:response><d:href>/data/</d:href><d:propstat><d:prop><d:resourcetype><d:collection/></d:resourcetype><d:quota-available-bytes>700</d:quota-available-bytes>
<d:quota-used-bytes>300</d:quota-used-bytes></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
<d:response><d:href>%s/data/a%%20b%%25</d:href><d:propstat><d:prop><d:getcontentlength>5</d:getcontentlength>
<d:getlastmodified>Mon, 23 Nov 2026 04:56:23 GMT</d:getlastmodified><d:resourcetype/></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
<d:propstat><d:prop><d:quota-used-bytes/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response></d:multistatus>`

func TestPropfind(t *testing.T) {
	var body string
	url, options := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprint(w, body)
	})
	body = fmt.Sprintf(answer, "https"+strings.TrimPrefix(url, "davs"))
	b := open(t, url, options)
	if space, err := b.Space(t.Context(), url+"/data"); err != nil || space != (storage.Space{Free: 700, Used: 300, Total: 1000}) {
		t.Errorf("space %+v, %v", space, err)
	}
	var found []storage.Info
	for info, err := range b.List(t.Context(), url+"/data") {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, info)
	}
	want := storage.Info{PFN: url + "/data/a%20b%25", Size: 5, ModTime: time.Date(2026, 11, 23, 4, 56, 23, 0, time.UTC)}
	if len(found) != 1 || found[0] != want {
		t.Errorf("listed %+v, want %+v", found, want)
	}
	for _, test := range []struct{ body, want string }{
		{body[:len(body)-30], "XML syntax error"},
		{strings.Replace(body, "/data/a", "/elsewhere/a", 1), "which is not in the folder that was asked for"},
		{strings.Replace(body, "/data/a", "/data/../../a", 1), "which is not in the folder that was asked for"},
	} {
		body = test.body
		var last error
		for _, err := range b.List(t.Context(), url+"/data") {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), test.want) {
			t.Errorf("error %v, want %q", last, test.want)
		}
	}
}

func TestStatusesHaveKinds(t *testing.T) {
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		var code int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &code); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(code)
		fmt.Fprint(w, "why  \n it is so")
	})
	b := open(t, url, options)
	for code, want := range map[int]storage.Kind{
		400: storage.Other, 401: storage.Denied, 403: storage.Denied, 404: storage.NotFound, 410: storage.NotFound, 412: storage.Exists,
		413: storage.NoSpace, 423: storage.Unavailable, 429: storage.Unavailable, 500: storage.Unavailable, 501: storage.Unsupported,
		502: storage.Unavailable, 503: storage.Unavailable, 507: storage.NoSpace,
	} {
		_, err := read(t, b, fmt.Sprint(url, "/", code, "?authz=secret"), 0, -1)
		words := fmt.Sprintf("get %s/%d: the server answers %d %s: why it is so", url, code, code, http.StatusText(code))
		if !storage.Is(err, want) || err.Error() != words {
			t.Errorf("%d: error %v of kind %s, want %s of kind %s", code, err, storage.KindOf(err), words, want)
		}
	}
}

// A server that ignores ranges, or answers with another one than was asked for.
func TestRangesOfOddServers(t *testing.T) {
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other" {
			w.Header().Set("Content-Range", "bytes 0-4/10")
			w.WriteHeader(http.StatusPartialContent)
		}
		fmt.Fprint(w, "0123456789")
	})
	b := open(t, url, options)
	for _, test := range []struct {
		offset, length int64
		want           string
	}{{3, 4, "3456"}, {3, -1, "3456789"}, {10, 1, ""}, {99, -1, ""}} {
		if got, err := read(t, b, url+"/whole", test.offset, test.length); err != nil || got != test.want {
			t.Errorf("%d from %d: %q, %v, want %q", test.length, test.offset, got, err, test.want)
		}
	}
	if _, err := read(t, b, url+"/other", 3, 2); err == nil || !strings.Contains(err.Error(), `answers with "bytes 0-4/10"`) {
		t.Errorf("error %v, want the range that came", err)
	}
}

func TestSilentServer(t *testing.T) {
	release := make(chan struct{})
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.(http.Flusher).Flush()
		<-release
	})
	defer close(release)
	options.Silence = 200 * time.Millisecond
	if _, err := read(t, open(t, url, options), url+"/f", 0, -1); !storage.Is(err, storage.Unavailable) {
		t.Errorf("error %v, want that the server is unavailable", err)
	}
}

func TestCertificates(t *testing.T) {
	url, options := fake(t, func(http.ResponseWriter, *http.Request) {})
	untrusting := options
	untrusting.TLS = nil
	_, err := open(t, url, untrusting).Stat(t.Context(), url+"/f")
	if storage.Is(err, storage.Unavailable) || err == nil || !strings.Contains(err.Error(), "the server's certificate is not trusted") {
		t.Errorf("error %v, want that the certificate is not trusted, which no other attempt changes", err)
	}
	refused := errors.New("the agent is locked")
	options.Token = func(context.Context, string) (rucio.Secret, error) { return "", refused }
	if _, err := open(t, url, options).Stat(t.Context(), url+"/f"); !errors.Is(err, refused) {
		t.Errorf("error %v, want one that wraps %v", err, refused)
	}
}

// A server that has had enough amid an upload says why, and hangs up without reading the rest.
func TestEarlyAnswers(t *testing.T) {
	url, options := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
		conn, out, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(out, "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		_ = errors.Join(out.Flush(), conn.Close())
	})
	b := open(t, url, options)
	for range 20 { // it was a matter of luck
		err := b.Put(t.Context(), url+"/f", storagetest.Zeros(64<<20), storage.PutOptions{})
		if !storage.Is(err, storage.NoSpace) {
			t.Fatalf("error %v, want what the server said", err)
		}
	}
}

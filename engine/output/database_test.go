package output

import (
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDatabases is the suite that each type of database has to pass, on real servers.
func TestDatabases(t *testing.T) {
	for name, start := range map[string]func(*testing.T) database{"Elasticsearch": elasticsearch7, "OpenSearch": opensearch} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			t.Run("TakesEachOnce", func(t *testing.T) { takesEachOnce(t, s) })
			t.Run("RefusesSome", func(t *testing.T) { refusesSome(t, s) })
			t.Run("OneSpoilsItsRequest", func(t *testing.T) { oneSpoilsItsRequest(t, s) })
			t.Run("Locked", func(t *testing.T) { locked(t, s) })
			t.Run("Create", func(t *testing.T) { create(t, s) })
		})
	}
}

func takesEachOnce(t *testing.T, s database) {
	n := behind(t, s)
	d, _ := newDispatcher(t, "", s.env)
	target := s.target(t)
	target.URI = n.URL + "/elastic"
	left, rejected, err := send(t, d, target, numbered(0, 1200))
	if err != nil || len(left)+len(rejected) > 0 {
		t.Fatal(left, rejected, err)
	}
	if got := n.requests.Load(); got != 3 {
		t.Errorf("%d requests, want 3 of at most %d documents", got, maxBatchDocuments)
	}
	expect(t, s, target.Index, 1200)
}

func refusesSome(t *testing.T, s database) {
	d, _ := newDispatcher(t, "", s.env)
	target := s.target(t)
	docs := numbered(0, 5)
	docs[3].Body = json.RawMessage(`{"n":"three"}`)
	left, rejected, err := send(t, d, target, docs)
	if err != nil || len(left) > 0 || len(rejected) != 1 {
		t.Fatal(left, rejected, err)
	}
	if r := rejected[0]; r.ID != "n-3" || !strings.Contains(r.Reason, "mapper_parsing_exception") || !strings.Contains(r.Reason, `"three"`) {
		t.Errorf("got %s: %s", r.ID, r.Reason)
	}
	if got := s.documents(t, target.Index); len(got) != 4 {
		t.Errorf("got %v", got)
	}
}

// An id of more than 512 bytes makes the server refuse the whole request.
func oneSpoilsItsRequest(t *testing.T, s database) {
	d, _ := newDispatcher(t, "", s.env)
	target := s.target(t)
	docs := append(numbered(0, 10), Document{ID: strings.Repeat("x", 600), Body: json.RawMessage(`{"n":10}`)})
	docs = append(docs, numbered(10, 10)...)
	left, rejected, err := send(t, d, target, docs)
	if err != nil || len(left) > 0 || len(rejected) != 1 || !strings.Contains(rejected[0].Reason, "id is too long") && !strings.Contains(rejected[0].Reason, "is too long") {
		t.Fatal(left, rejected, err)
	}
	expect(t, s, target.Index, 20)
}

// A locked index takes documents later, so they are not refused for good.
func locked(t *testing.T, s database) {
	d, _ := newDispatcher(t, "", s.env)
	target := s.target(t)
	s.do(t, "PUT", "/"+target.Index, "")
	s.do(t, "PUT", "/"+target.Index+"/_settings", `{"index.blocks.write": true}`)
	left, rejected, err := send(t, d, target, numbered(0, 3))
	if len(left) != 3 || len(rejected) > 0 || err == nil || !strings.Contains(err.Error(), "3 of 3 documents were not taken: 403 cluster_block_exception") {
		t.Fatal(left, rejected, err)
	}
	s.do(t, "PUT", "/"+target.Index+"/_settings", `{"index.blocks.write": null}`)
	if left, rejected, err = send(t, d, target, left); err != nil || len(left)+len(rejected) > 0 {
		t.Fatal(left, rejected, err)
	}
	expect(t, s, target.Index, 3)
}

func create(t *testing.T, s database) {
	d, _ := newDispatcher(t, "", s.env)
	target := s.target(t)
	target.Create = true
	for range 2 { // the second finds them there
		left, rejected, err := send(t, d, target, numbered(0, 3))
		if err != nil || len(left)+len(rejected) > 0 {
			t.Fatal(left, rejected, err)
		}
	}
	expect(t, s, target.Index, 3)
}

func TestCredentials(t *testing.T) {
	s := elasticsearch7(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(s.password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	own := Auth{User: s.user, Password: "hunter22"}
	for name, c := range map[string]struct {
		env  map[string]string
		auth Auth
		want string // part of the error
	}{
		"environment": {env: map[string]string{"ELASTICSEARCH_USERNAME": s.user, "ELASTICSEARCH_PASSWORD": s.password}},
		"files":       {env: map[string]string{"ELASTICSEARCH_USERNAME": s.user, "ELASTICSEARCH_PASSWORD_FILE": file}},
		"half": {env: map[string]string{"ELASTICSEARCH_USERNAME": s.user},
			want: "401 Unauthorized: security_exception: missing or wrong authentication credentials (credentials: auth in the definition, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD)"},
		"definition wins": {env: map[string]string{"ELASTICSEARCH_USERNAME": s.user, "ELASTICSEARCH_PASSWORD": s.password}, auth: own, want: "401 Unauthorized"},
		"api key":         {auth: Auth{APIKey: "hunter22"}, want: "401 Unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := newDispatcher(t, "", func(name string) string { return c.env[name] })
			target := s.target(t)
			target.Auth = c.auth
			left, _, err := send(t, d, target, numbered(0, 1))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if (err == nil) != (len(left) == 0) {
				t.Errorf("left %v", left)
			}
			if err != nil && strings.Contains(err.Error(), "hunter22") {
				t.Error("the password is in the error:", err)
			}
		})
	}
}

func TestPasswordFileIsMissing(t *testing.T) {
	d, _ := newDispatcher(t, "", func(name string) string {
		return map[string]string{"ELASTICSEARCH_PASSWORD_FILE": "/nowhere/password"}[name]
	})
	_, err := d.open(Target{Type: "es", URI: "http://localhost", Index: "i"})
	if err == nil || !strings.HasPrefix(err.Error(), "read the file that ELASTICSEARCH_PASSWORD_FILE names: ") {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	s := opensearch(t)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }})
	t.Cleanup(front.Close)
	front.Config.ErrorLog = nil
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	d, _ := newDispatcher(t, "", noEnv)
	target := s.target(t)
	target.URI = front.URL

	_, _, err = send(t, d, target, numbered(0, 1))
	if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") || !strings.Contains(err.Error(), "ca: FILE in the definition") {
		t.Error("an unknown authority:", err)
	}
	trusting, insecure := target, target
	trusting.CA, insecure.Insecure = ca, true
	for i, target := range []Target{trusting, insecure} {
		if _, _, err := send(t, d, target, numbered(i, 1)); err != nil {
			t.Error(err)
		}
	}
	expect(t, s, target.Index, 2)

	target.CA = "/nowhere/ca.pem"
	if _, err := d.open(target); err == nil || !strings.Contains(err.Error(), "read its ca: open /nowhere/ca.pem") {
		t.Error(err)
	}
	target.CA = "database_test.go"
	if _, err := d.open(target); err == nil || !strings.Contains(err.Error(), "its ca database_test.go holds no certificate in PEM form") {
		t.Error(err)
	}
}

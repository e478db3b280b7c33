package auth

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// vomsOptions makes proxies of the testbed's user with the attributes of the VO testbed, in a folder of the test's own.
func vomsOptions(t *testing.T) (IdentityOptions, *testbed.Env) {
	t.Helper()
	bed := testbed.Require(t)
	vars := bed.RequireService(t, "voms")
	return IdentityOptions{
		Cert: bed.UserCert, Key: bed.UserKey, VOMS: "testbed:/testbed/Role=production", Vomses: []string{vars["TESTBED_VOMSES"]},
		Grid:         GridTrust{Authorities: []string{"/none", bed.CertDir}, VOMSDir: vars["TESTBED_VOMSDIR"]},
		DefaultProxy: filepath.Join(t.TempDir(), "x509up"), Suggest: suggest.Hint,
	}, bed
}

// serial is the serial number of the certificate that an identity shows.
func serial(t *testing.T, id *Identity) string {
	t.Helper()
	cert, err := id.Certificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cert.Leaf.SerialNumber.String()
}

// With VOMS a proxy is made, logs in to Rucio, and lies where the tools of the grid find it, which take it for their own.
func TestVOMSProxy(t *testing.T) {
	identityOptions, bed := vomsOptions(t)
	var log logBuffer
	identityOptions.Log = log.logger()
	for _, authType := range []string{"x509", "x509_proxy"} {
		id := identity(t, identityOptions)
		opts, _ := withX509(t, authType, id)
		if got := account(t, bed.TLSURL, opts.HTTP.Transport, source(t, opts)); got != "root" {
			t.Errorf("%s: the token is for %s", authType, got)
		}
		if got := id.File(); got != identityOptions.DefaultProxy {
			t.Errorf("the proxy is in %q", got)
		}
	}
	file := identityOptions.DefaultProxy
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
	shown := command(t, []string{"X509_CERT_DIR=" + bed.CertDir, "X509_VOMS_DIR=" + identityOptions.Grid.VOMSDir}, "voms-proxy-info", "-all", "-file", file)
	for _, want := range []string{"type      : RFC compliant proxy", "VO        : testbed", "attribute : /testbed/Role=production/Capability=NULL", "identity  : /DC=org/DC=rucio-testbed/CN=Test User"} {
		if !strings.Contains(shown, want) {
			t.Errorf("voms-proxy-info does not say %q:\n%s", want, shown)
		}
	}
	if name := python(t, bed, map[string]string{"RUCIO_CONFIG": filepath.Join(filepath.Dir(bed.Config), "x509_proxy.cfg"), "RUCIO_CLIENT_PROXY": file, "TMPDIR": t.TempDir()},
		"from rucio.client import Client\nc = Client(); c.auth_token = ''; c._BaseClient__get_token(); print(c.whoami()['account'])"); name != "root" {
		t.Errorf("Python's client logs in with it to %s", name)
	}
	if text := log.String(); !strings.Contains(text, "made a proxy") || !strings.Contains(text, "using the proxy that is there") || strings.Contains(text, "PRIVATE KEY") || strings.Contains(text, "WARN") {
		t.Errorf("log: %s", text)
	}
}

// A proxy that is there is used again by the next run if it is what that would make.
func TestProxyIsUsedAgain(t *testing.T) {
	opts, _ := vomsOptions(t)
	first := serial(t, identity(t, opts))
	if got := serial(t, identity(t, opts)); got != first {
		t.Error("the second run made another proxy")
	}
	for name, change := range map[string]func(*IdentityOptions){
		"another role":  func(o *IdentityOptions) { o.VOMS = "testbed:/testbed/prod" },
		"another order": func(o *IdentityOptions) { o.VOMS = "testbed:/testbed,testbed:/testbed/Role=production" },
		"nearly over": func(o *IdentityOptions) {
			o.Now = func() time.Time { return time.Now().Add(11*time.Hour + 30*time.Minute) }
		},
		"open to others": func(o *IdentityOptions) { os.Chmod(o.DefaultProxy, 0o644) },
		"of somebody else's": func(o *IdentityOptions) {
			other := testbedCA(t, testbed.Require(t)).valid(t, "Other")
			id := identity(t, IdentityOptions{Cert: other.certFile, Key: other.keyFile, MakeProxy: true, Proxy: o.DefaultProxy})
			first = serial(t, id)
		},
		"no proxy":  func(o *IdentityOptions) { writeFile(t, o.DefaultProxy, []byte("hello"), 0o600) },
		"not there": func(o *IdentityOptions) { os.Remove(o.DefaultProxy) },
		"without attributes": func(o *IdentityOptions) {
			plain := *o
			plain.VOMS, plain.MakeProxy = "", true
			os.Remove(o.DefaultProxy)
			first = serial(t, identity(t, plain))
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts, _ := vomsOptions(t)
			first = serial(t, identity(t, opts))
			change(&opts)
			if got := serial(t, identity(t, opts)); got == first {
				t.Error("the old proxy is used")
			}
		})
	}
}

// In a long run the proxy is renewed in time; while that fails, the old one is used to its end.
func TestProxyIsRenewed(t *testing.T) {
	opts, _ := vomsOptions(t)
	now := time.Now()
	opts.Now = func() time.Time { return now }
	var log logBuffer
	opts.Log = log.logger()
	id := identity(t, opts)
	first := serial(t, id)
	now = now.Add(10 * time.Hour)
	if serial(t, id) != first {
		t.Error("the proxy has two hours left, and was replaced")
	}
	servers := opts.Vomses[0]
	id.maker.opts.Vomses = []string{"/none"}
	now = now.Add(90 * time.Minute)
	if serial(t, id) != first || !strings.Contains(log.String(), "cannot make a new proxy yet") {
		t.Error("no new proxy can be had, and the old one is not used")
	}
	id.maker.opts.Vomses = []string{servers}
	if serial(t, id) != first {
		t.Error("asked again at once")
	}
	now = now.Add(2 * time.Minute)
	second := serial(t, id)
	if second == first {
		t.Error("the proxy was not renewed")
	}
	id.maker.opts.Vomses = []string{"/none"}
	now = now.Add(13 * time.Hour)
	if _, err := id.Certificate(t.Context()); err == nil {
		t.Error("a proxy that has ended is shown")
	}
}

// Many who need a proxy at once get the same one.
func TestProxyIsMadeOnce(t *testing.T) {
	opts, _ := vomsOptions(t)
	id := identity(t, opts)
	got := make([]string, 8)
	var wait sync.WaitGroup
	for i := range got {
		wait.Go(func() {
			if cert, err := id.Certificate(t.Context()); err == nil {
				got[i] = cert.Leaf.SerialNumber.String()
			}
		})
	}
	wait.Wait()
	for _, serial := range got {
		if serial == "" || serial != got[0] {
			t.Fatalf("got the proxies %q", got)
		}
	}
}

// Where the file cannot be written, the proxy is used all the same, and somebody is told.
func TestProxyWithoutFile(t *testing.T) {
	opts, _ := vomsOptions(t)
	opts.Proxy = "/none/x509up"
	var log logBuffer
	opts.Log = log.logger()
	id := identity(t, opts)
	if serial(t, id); id.File() != "" {
		t.Errorf("the proxy is in %s", id.File())
	}
	if !strings.Contains(log.String(), `cannot write the proxy: other programs will not find it" file=/none/x509up`) {
		t.Errorf("log: %s", log.String())
	}
}

func TestVOMSRefused(t *testing.T) {
	opts, bed := vomsOptions(t)
	host := filepath.Join(filepath.Dir(bed.CA), "host")
	stranger := testbedCA(t, bed).valid(t, "Nobody")
	expired := testbedCA(t, bed).issue(t, "Late", time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour).Truncate(time.Second))
	line, address := string(readFile(t, opts.Vomses[0])), ""
	if fields := strings.Split(line, `"`); len(fields) > 5 {
		address = fields[3] + ":" + fields[5]
	}
	down := filepath.Join(t.TempDir(), "down")
	writeFile(t, down, []byte(`"testbed" "localhost" "1" "/CN=x" "testbed"`+"\n"), 0o600)
	managers := "ask the VO's managers whether this certificate is a member, has that role and has signed the current usage policy"
	user := "get the attributes of the VO testbed for /DC=org/DC=rucio-testbed/CN=Test User: "
	for _, test := range []struct {
		name         string
		change       func(*IdentityOptions)
		kind         Kind
		text, advice string
	}{
		{"no member", func(o *IdentityOptions) { o.Cert, o.Key = stranger.certFile, stranger.keyFile }, UnknownIdentity,
			"get the attributes of the VO testbed for /DC=org/DC=rucio-testbed/CN=Nobody: " + address + ": testbed: User unknown to this VO. (NoSuchUser)", managers},
		{"no such role", func(o *IdentityOptions) { o.VOMS = "testbed:/testbed/Role=pope" }, UnknownIdentity,
			user + address + ": testbed: User does not have /testbed/Role=pope. (NoSuchAttribute)", managers},
		{"expired", func(o *IdentityOptions) { o.Cert, o.Key = expired.certFile, expired.keyFile }, Unusable,
			"make a proxy of the client certificate " + expired.certFile + ": the certificate of /DC=org/DC=rucio-testbed/CN=Late expired at " + expired.parsed.NotAfter.Format(time.RFC3339),
			"get a new one from your certificate authority"},
		{"unknown VO", func(o *IdentityOptions) { o.VOMS = "testbet" }, Config,
			"get the attributes of the VO testbet for /DC=org/DC=rucio-testbed/CN=Test User: no server of the VO \"testbet\" is known (looked in " + opts.Vomses[0] + ")", `did you mean "testbed"?`},
		{"no vomses", func(o *IdentityOptions) { o.Vomses = []string{"/none"} }, Config,
			user + "no server of the VO \"testbed\" is known (looked in /none)", "put the VO's line into one of them; the VO's pages have it"},
		{"nobody there", func(o *IdentityOptions) { o.Vomses = []string{down} }, Unreachable,
			user + "localhost:1: dial tcp 127.0.0.1:1: connect: connection refused", "check that the vomses files are up to date, that the server is up, and that no firewall is in the way"},
		{"not trusted", func(o *IdentityOptions) { o.Grid.Authorities = nil }, TLS,
			user + address + ": tls: failed to verify certificate: x509: certificate signed by unknown authority", "set X509_CERT_DIR to the folder of the grid's authorities"},
		{"no key", func(o *IdentityOptions) { o.Key = host + "key.pem" }, Config,
			"read the client certificate " + bed.UserCert + ": private key does not match public key", "set RUCIO_CFG_CLIENT_CLIENT_CERT and RUCIO_CFG_CLIENT_CLIENT_KEY to files in PEM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed := opts
			test.change(&changed)
			_, err := identity(t, changed).Certificate(t.Context())
			wantError(t, err, test.kind, test.text, test.advice)
			if _, err := os.Stat(opts.DefaultProxy); err == nil {
				t.Error("there is a file of no proxy")
			}
		})
	}
	opts.VOMS = "/atlas"
	_, err := NewIdentity(opts)
	wantError(t, err, Config, `read VOMS: "/atlas" is neither a VO nor VO:/VO/group/Role=role`, "set VOMS to a VO such as atlas, or to VO:/VO/Role=role")
}

func TestReadProxy(t *testing.T) {
	opts, bed := vomsOptions(t)
	id := identity(t, opts)
	made, err := id.NewProxy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadProxy(opts.DefaultProxy, opts.Grid, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	user := "/DC=org/DC=rucio-testbed/CN=Test User"
	if read.File != made.File || read.Kind != "RFC 3820 proxy" || read.Identity != user || read.Issuer != user || !strings.HasPrefix(read.Subject, user+"/CN=") ||
		read.Bits != 2048 || !read.Ends.Equal(made.Ends) || len(read.VOs) != 1 {
		t.Fatalf("read %+v", read)
	}
	vo := read.VOs[0]
	if vo.VO != "testbed" || len(vo.FQANs) != 3 || vo.Issuer != "/DC=org/DC=rucio-testbed/CN=localhost" || !strings.HasPrefix(vo.Server, "localhost:") || vo.Problem != "" || vo.Ends.IsZero() {
		t.Errorf("read %+v", vo)
	}
	read, err = ReadProxy(opts.DefaultProxy, GridTrust{}, time.Now())
	if err != nil || !strings.Contains(read.VOs[0].Problem, "is not trusted: x509: certificate signed by unknown authority") {
		t.Errorf("without authorities: %+v, %v", read, err)
	}
	if read, err = ReadProxy(bed.Proxy, opts.Grid, time.Now()); err != nil || read.Kind != "RFC 3820 proxy" || read.Identity != user || len(read.VOs) != 0 {
		t.Errorf("of openssl's proxy: %+v, %v", read, err)
	}
	_, err = identity(t, IdentityOptions{Proxy: bed.Proxy}).NewProxy(t.Context())
	wantError(t, err, Config, "make a proxy: this identity makes none", "")
	if id, err := NewIdentity(IdentityOptions{Proxy: bed.Proxy, MakeProxy: true}); id != nil || err != nil {
		t.Errorf("makes a proxy of nothing: %v, %v", id, err)
	}
}

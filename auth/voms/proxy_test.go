package voms

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// show is what the real voms-proxy-info says of a proxy file, by its labels.
func (v *voms) show(t *testing.T, file string) map[string][]string {
	t.Helper()
	out := command(t, []string{"X509_CERT_DIR=" + v.CertDir, "X509_VOMS_DIR=" + v.dir}, "voms-proxy-info", "-all", "-file", file)
	fields := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^([a-zA-Z ]+?) *: (.*)$`).FindAllStringSubmatch(out, -1) {
		fields[m[1]] = append(fields[m[1]], m[2])
	}
	return fields
}

// A proxy with attributes, got in either protocol, is what the grid's own tools take for one.
func TestProxyWithAttributes(t *testing.T) {
	v := requireVOMS(t)
	for name, servers := range map[string][]Server{"REST": v.rest, "legacy": v.legacy} {
		t.Run(name, func(t *testing.T) {
			grant, err := Fetch(t.Context(), v.config, servers, Request{VO: "testbed", FQANs: []string{"/testbed/Role=production"}, Lifetime: Lifetime})
			if err != nil {
				t.Fatal(err)
			}
			text, err := NewProxy(v.member, [][]byte{grant.AC}, Lifetime, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			file := write(t, "proxy.pem", text)
			shown := v.show(t, file)
			user := "/DC=org/DC=rucio-testbed/CN=Test User"
			for label, want := range map[string]string{
				"type": "RFC compliant proxy", "identity": user, "issuer": user + "|/DC=org/DC=rucio-testbed/CN=localhost", "VO": "testbed", "strength": "2048 bits",
				"attribute": "/testbed/Role=production/Capability=NULL|/testbed/Role=NULL/Capability=NULL|/testbed/prod/Role=NULL/Capability=NULL",
				"key usage": "Digital Signature, Key Encipherment",
			} {
				if got := strings.Join(shown[label], "|"); got != want {
					t.Errorf("voms-proxy-info says %s: %q, want %q", label, got, want)
				}
			}
			command(t, nil, "openssl", "verify", "-allow_proxy_certs", "-CAfile", v.CA, "-untrusted", v.UserCert, file)
			verified := command(t, []string{"X509_USER_CERT=" + file, "X509_CERT_DIR=" + v.CertDir, "X509_VOMS_DIR=" + v.dir}, "voms-verify")
			if !strings.Contains(verified, "verified") {
				t.Errorf("voms-verify: %s", verified)
			}
			certs := chain(t, text)
			acs, err := ACs(certs)
			if err != nil || len(acs) != 1 {
				t.Fatalf("%d attribute certificates, %v", len(acs), err)
			}
			if Kind(certs[0]) != "RFC 3820 proxy" || Owner(certs).SerialNumber.Cmp(v.owner.SerialNumber) != 0 {
				t.Errorf("a %q of %s", Kind(certs[0]), DN(Owner(certs).RawSubject))
			}
			if err := (Trust{CAs: v.cas, Dir: v.dir}).Verify(acs[0], Owner(certs), time.Now()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What the real voms-proxy-init makes is read like our own.
func TestProxyOfVomsProxyInit(t *testing.T) {
	v := requireVOMS(t)
	vars := v.RequireService(t, "voms")
	file := filepath.Join(t.TempDir(), "proxy.pem")
	command(t, []string{"X509_VOMS_DIR=" + v.dir}, "voms-proxy-init", "-rfc", "-voms", "testbed:/testbed/prod", "-vomses", vars["TESTBED_VOMSES_LEGACY"],
		"-cert", v.UserCert, "-key", v.UserKey, "-certdir", v.CertDir, "-out", file)
	certs := chain(t, readFile(t, file))
	acs, err := ACs(certs)
	if err != nil || len(acs) != 1 {
		t.Fatalf("%d attribute certificates, %v", len(acs), err)
	}
	if ac := acs[0]; ac.VO != "testbed" || ac.FQANs[0] != "/testbed/prod/Role=NULL/Capability=NULL" || !ac.Has("/testbed") || ac.Has("/testbed/Role=production") {
		t.Errorf("read VO %s, %q", ac.VO, ac.FQANs)
	}
	if err := (Trust{CAs: v.cas, Dir: v.dir}).Verify(acs[0], Owner(certs), time.Now()); err != nil {
		t.Error(err)
	}
}

// A proxy can be made of a proxy, and of a certificate with an elliptic key; it ends with what it is made of.
func TestProxyOfOthers(t *testing.T) {
	v := requireVOMS(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	command(t, nil, "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/DC=org/DC=rucio-testbed/CN=Curve", "-keyout", at("ec.key"), "-out", at("ec.csr"))
	command(t, nil, "openssl", "x509", "-req", "-in", at("ec.csr"), "-CA", v.CA, "-CAkey", filepath.Join(filepath.Dir(v.CA), "ca.key"), "-set_serial", "77", "-days", "1", "-out", at("ec.pem"))
	curve := pair(t, at("ec.pem"), at("ec.key"))
	for name, of := range map[string]tls.Certificate{"proxy": pair(t, v.Proxy, v.Proxy), "elliptic": curve} {
		t.Run(name, func(t *testing.T) {
			text, err := NewProxy(of, nil, 100*24*time.Hour, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			certs := chain(t, text)
			if got := Kind(certs[0]); got != "RFC 3820 proxy" {
				t.Errorf("it is a %q", got)
			}
			if name == "elliptic" && !certs[0].NotAfter.Equal(of.Leaf.NotAfter) {
				t.Errorf("it ends at %v, after its owner at %v", certs[0].NotAfter, of.Leaf.NotAfter)
			}
			issuers := write(t, "chain.pem", text)
			command(t, nil, "openssl", "verify", "-allow_proxy_certs", "-CAfile", v.CA, "-untrusted", issuers, write(t, "proxy.pem", text))
		})
	}
}

func TestKind(t *testing.T) {
	v := requireVOMS(t)
	vars := []string{"-voms", "testbed", "-uri", "localhost:1", "-cert", v.UserCert, "-key", v.UserKey, "-hostcert", filepath.Join(filepath.Dir(v.CA), "hostcert.pem"),
		"-hostkey", filepath.Join(filepath.Dir(v.CA), "hostkey.pem"), "-certdir", v.CertDir, "-fqan", "/testbed"}
	for want, args := range map[string][]string{
		"RFC 3820 proxy": {"-rfc"}, "limited RFC 3820 proxy": {"-rfc", "-limited"}, "draft proxy": {"-proxyver", "3"}, "legacy proxy": {"-proxyver", "2"},
	} {
		file := filepath.Join(t.TempDir(), "proxy.pem")
		command(t, nil, "voms-proxy-fake", append(append([]string{"-out", file}, args...), vars...)...)
		certs := chain(t, readFile(t, file))
		if got := Kind(certs[0]); got != want || Kind(certs[1]) != "" {
			t.Errorf("a proxy made with %q is a %q, want %q", args, got, want)
		}
		if want == "limited RFC 3820 proxy" {
			text, err := NewProxy(pair(t, file, file), nil, time.Hour, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if got := Kind(chain(t, text)[0]); got != want {
				t.Errorf("a proxy of a limited one is a %q", got)
			}
		}
	}
	if got := Kind(v.owner); got != "" {
		t.Errorf("a user's certificate is a %q", got)
	}
}

func TestRefused(t *testing.T) {
	v := requireVOMS(t)
	host := pair(t, filepath.Join(filepath.Dir(v.CA), "hostcert.pem"), filepath.Join(filepath.Dir(v.CA), "hostkey.pem"))
	for _, test := range []struct {
		name    string
		servers []Server
		cert    tls.Certificate
		fqan    string
		want    string
	}{
		{"no member", v.rest, host, "/testbed", "testbed: User unknown to this VO. (NoSuchUser)"},
		{"no member, legacy", v.legacy, host, "/testbed", "testbed: User unknown to this VO. (1001)"},
		{"no such role", v.rest, v.member, "/testbed/Role=pope", "testbed: User does not have /testbed/Role=pope. (NoSuchAttribute)"},
		{"no such role, legacy", v.legacy, v.member, "/testbed/Role=pope", "testbed: User does not have /testbed/Role=pope. (1002)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			// a second server that would have to be asked, were the first one's no not believed
			_, err := Fetch(t.Context(), v.as(test.cert), append(test.servers[:1:1], Server{Host: "localhost", Port: 1}), Request{VO: "testbed", FQANs: []string{test.fqan}, Lifetime: Lifetime})
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Error() != test.want || refused.Server.VO != "testbed" {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if want := test.servers[0].Address() + ": " + test.want; err.Error() != want {
				t.Errorf("got %s, want %s", err, want)
			}
		})
	}
}

// A server that is down is no hindrance when another one is up.
func TestServersAreTriedInTurn(t *testing.T) {
	v := requireVOMS(t)
	down := Server{Host: "localhost", Port: 1, VO: "testbed"}
	grant, err := Fetch(t.Context(), v.config, append([]Server{down}, v.legacy...), Request{VO: "testbed", Lifetime: Lifetime})
	if err != nil {
		t.Fatal(err)
	}
	if grant.Server != v.legacy[0] {
		t.Errorf("the attributes are of %v", grant.Server)
	}
	_, err = Fetch(t.Context(), v.config, []Server{down, {Host: "nowhere.invalid", Port: 1}}, Request{VO: "testbed", Lifetime: Lifetime})
	if err == nil || !strings.Contains(err.Error(), "localhost:1: ") || !strings.Contains(err.Error(), "; nowhere.invalid:1: ") || strings.Contains(err.Error(), "older") {
		t.Errorf("got %v", err)
	}
	_, err = Fetch(t.Context(), &tls.Config{Certificates: v.config.Certificates, RootCAs: x509.NewCertPool()}, v.rest, Request{VO: "testbed", Lifetime: Lifetime})
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || strings.Contains(err.Error(), "older") {
		t.Errorf("from a server that is not trusted: %v", err)
	}
}

func TestVerify(t *testing.T) {
	v := requireVOMS(t)
	ac, err := ParseAC(v.fetch(t).AC)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	trust := Trust{CAs: v.cas, Dir: v.dir}
	forged := *ac
	forged.signed = append([]byte{}, ac.signed...)
	forged.signed[len(forged.signed)-1] ^= 1
	elsewhere := *ac
	elsewhere.VO = "../testbed"
	other := *ac
	other.VO = "othervo"
	both := vomsdir(t, "/CN=other\n/CN=CA\n------ NEXT CHAIN ------\n/DC=org/DC=rucio-testbed/CN=localhost\n/DC=org/DC=rucio-testbed/CN=Testbed CA\n")
	another := vomsdir(t, "/CN=other\n/CN=CA\n")
	for _, test := range []struct {
		name  string
		trust Trust
		ac    *AC
		owner *x509.Certificate
		now   time.Time
		want  string
	}{
		{"good", trust, ac, v.owner, now, ""},
		{"good, without vomsdir", Trust{CAs: v.cas}, ac, v.owner, now, ""},
		{"good, second chain", Trust{CAs: v.cas, Dir: both}, ac, v.owner, now, ""},
		{"another's", trust, ac, ac.Signers[0], now, "they are for another certificate"},
		{"of nobody", trust, ac, nil, now, "they are for another certificate"},
		{"too old", trust, ac, v.owner, now.Add(48 * time.Hour), "they ended at " + ac.NotAfter.UTC().Format(time.RFC3339)},
		{"too new", trust, ac, v.owner, now.Add(-48 * time.Hour), "they do not hold before " + ac.NotBefore.UTC().Format(time.RFC3339)},
		{"forged", trust, &forged, v.owner, now, "their signature is wrong: crypto/rsa: verification error"},
		{"unknown authority", Trust{CAs: x509.NewCertPool(), Dir: v.dir}, ac, v.owner, now, "the certificate of /DC=org/DC=rucio-testbed/CN=localhost, which signed them, is not trusted: x509: certificate signed by unknown authority"},
		{"a name that leads elsewhere", trust, &elsewhere, v.owner, now, `"../testbed" is not the name of a VO`},
		{"unknown VO", trust, &other, v.owner, now, "no .lsc file in " + filepath.Join(v.dir, "othervo") + " names /DC=org/DC=rucio-testbed/CN=localhost, which signed them, and its authority /DC=org/DC=rucio-testbed/CN=Testbed CA"},
		{"another server", Trust{CAs: v.cas, Dir: another}, ac, v.owner, now, "no .lsc file in " + filepath.Join(another, "testbed") + " names /DC=org/DC=rucio-testbed/CN=localhost, which signed them, and its authority /DC=org/DC=rucio-testbed/CN=Testbed CA"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.trust.Verify(test.ac, test.owner, test.now)
			if got := errorText(err); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// vomsdir makes such a folder, with the LSC file of a server of the VO testbed.
func vomsdir(t *testing.T, lsc string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "testbed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "testbed", "host.lsc"), []byte(lsc), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

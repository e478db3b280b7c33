package transfer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// door is a way to an RSE of the service rses.
type door struct {
	rse, scheme string
	site        string // of the client
}

// doors are all that there are.
var doors = []door{
	{"ROOT1", "root", ""}, {"ROOT1", "http", ""}, {"ROOT2", "root", ""}, {"ROOT2", "davs", ""}, {"ROOT3", "root", ""}, {"ROOT3", "davs", ""},
	{"CLUSTER1", "root", ""}, {"DAVS1", "davs", ""}, {"DAVS2", "davs", ""}, {"S31", "https", ""}, {"S32", "s3", ""}, {"IDENT1", "file", ""},
	{"MULTI1", "davs", ""}, {"MULTI1", "file", "TESTBED"},
}

func (d door) String() string { return d.rse + "-" + d.scheme }

// setup lets the door in.
func (d door) setup(t testing.TB, env *testbed.Env, vars map[string]string) func(*transfer.Setup) {
	t.Helper()
	file := func(kind string) string { return vars["TESTBED_RSE_"+d.rse+"_"+kind] }
	authorities := x509.NewCertPool()
	pem, err := os.ReadFile(env.CA)
	must(t, err)
	authorities.AppendCertsFromPEM(pem)
	options := storage.Options{TLS: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}, CADir: env.CertDir, Proxy: file("PROXY")}
	if file("KEY") != "" {
		certificate, err := tls.LoadX509KeyPair(file("CERT"), file("KEY"))
		must(t, err)
		options.TLS.Certificates = []tls.Certificate{certificate}
	}
	if file("TOKEN") != "" {
		token, err := os.ReadFile(file("TOKEN"))
		must(t, err)
		options.Token = func(context.Context, string) (rucio.Secret, error) {
			return rucio.Secret(strings.TrimSpace(string(token))), nil
		}
	}
	options.S3 = func(string) (storage.S3Keys, error) {
		return storage.S3Keys{Access: vars["TESTBED_S3_ACCESS_KEY"], Secret: rucio.Secret(vars["TESTBED_S3_SECRET_KEY"])}, nil
	}
	options.XRootDTool = d.rse == "ROOT2"
	return func(s *transfer.Setup) {
		s.Storage = func(context.Context) (storage.Options, error) { return options, nil }
		s.Location.Site = d.site
	}
}

// folders are where the RSE's bytes lie.
func (d door) folders(vars map[string]string) []string {
	return filepath.SplitList(vars["TESTBED_RSE_"+d.rse+"_FOLDER"])
}

// stored returns what files of a name there are below the RSE's folders, by their paths.
func (d door) stored(t testing.TB, vars map[string]string, name string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for _, folder := range d.folders(vars) {
		must(t, filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.Contains(path, name) {
				return err
			}
			content, err := os.ReadFile(path)
			found[strings.TrimPrefix(path, folder)] = content
			return err
		}))
	}
	return found
}

// Every door takes files of all sizes, knows them again, and what it has is what was sent.
func TestUploadAtEachDoor(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	for _, d := range doors {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			c := client(t, d.setup(t, env, vars))
			dir, name := t.TempDir(), testbed.Unique("door")
			sizes := map[string]int{name + ".0": 0, name + ".1": 1, "folder/" + name + ".k": 10 << 10, name + ".m": 3<<20 + 17}
			var items []transfer.Item
			content := map[string][]byte{}
			for did, size := range sizes {
				content[did] = random(size)
				path := write(t, filepath.Join(dir, "with space, ünï & 100%+", did), string(content[did]))
				items = append(items, transfer.Item{
					"path": path, "rse": d.rse, "did_scope": "test", "did_name": did, "force_scheme": d.scheme, "lifetime": 3600,
				})
			}
			results, err := transfer.UploadFiles(t.Context(), c, items, nil)
			if err != nil {
				t.Fatalf("%v; %+v", err, results)
			}
			for _, r := range results {
				if r.State != transfer.UploadDone || r.Scheme != d.scheme || r.Attempts != 1 {
					t.Errorf("got %+v", r)
				}
				if stored := d.stored(t, vars, filepath.Base(r.DID.Name)); len(stored) != 1 || !bytes.Equal(stored[onlyKey(stored)], content[r.DID.Name]) {
					t.Errorf("%s: %d files are stored, %v", r.DID.Name, len(stored), onlyKey(stored))
				}
			}
			again, err := transfer.UploadFiles(t.Context(), c, items, nil)
			if err != nil {
				t.Fatalf("%v; %+v", err, again)
			}
			for i, r := range again {
				if r.State != transfer.UploadAlready || r.PFN != results[i].PFN || r.GUID != results[i].GUID || r.Adler32 != results[i].Adler32 {
					t.Errorf("got %+v, at first %+v", r, results[i])
				}
			}
			for replica, err := range c.ListReplicas(t.Context(), dids(results), nil) {
				must(t, err)
				if replica.States[d.rse] != "AVAILABLE" || *replica.Bytes != int64(len(content[replica.Name])) || replica.Adler32 != adler(content[replica.Name]) || replica.MD5 != md5sum(content[replica.Name]) {
					t.Errorf("got %s", replica.JSON())
				}
			}
		})
	}
}

func onlyKey[V any](m map[string]V) string {
	for key := range m {
		return key
	}
	return ""
}

func dids(results []transfer.Uploaded) []rucio.DID {
	var all []rucio.DID
	for _, r := range results {
		all = append(all, r.DID)
	}
	return all
}

// Names that are not for the catalogue may have all that a file system's may have.
func TestUploadToAnyName(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	for _, d := range doors {
		if d.rse == "S31" {
			continue // the server signs what it likes
		}
		if d.rse == "ROOT2" && d.scheme == "root" {
			continue // a program for each step takes its time
		}
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			c := client(t, d.setup(t, env, vars))
			unique := testbed.Unique("name")
			path := write(t, filepath.Join(t.TempDir(), "file"), "content")
			var items []transfer.Item
			base := ""
			for _, p := range protocols(t, c, d.rse) {
				if p.Scheme == d.scheme {
					base = fmt.Sprintf("%s://%s:%d%s%s/", p.Scheme, p.Hostname, p.Port, p.Prefix, unique)
				}
			}
			for i, name := range []string{"plain", "with space", "ünï", "a+b", "100%", "a&b=c,d;e", strings.Repeat("long", 55)} {
				if d.rse == "CLUSTER1" && strings.Contains(name, " ") {
					continue // XRootD's managers (5.5) do not hear of such names
				}
				items = append(items, transfer.Item{"path": path, "rse": d.rse, "did_scope": "test", "did_name": unique + fmt.Sprint(i), "pfn": base + name})
			}
			results, err := transfer.UploadFiles(t.Context(), c, items, nil)
			if err != nil {
				t.Errorf("%v; %+v", err, results)
			}
			for stored, content := range d.stored(t, vars, unique) {
				if string(content) != "content" || strings.Contains(stored, ".rucio.upload") {
					t.Errorf("%s has %q", stored, content)
				}
			}
			if stored := d.stored(t, vars, unique); len(stored) != len(items) {
				t.Errorf("stored are %q", stored)
			}
			for found, err := range c.GetMetadataBulk(t.Context(), dids(results), nil) {
				t.Errorf("registered is %v, %v", found, err)
			}
		})
	}
}

func protocols(t testing.TB, c *rucio.Client, rse string) []rucio.Protocol {
	t.Helper()
	settings, err := c.GetRSE(t.Context(), rse)
	must(t, err)
	return settings.Protocols
}

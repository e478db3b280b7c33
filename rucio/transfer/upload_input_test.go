package transfer_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// What is wrong with the items is said before anything moves.
func TestUploadRefuses(t *testing.T) {
	d := newDesk(t, nil)
	env := testbed.Require(t)
	env.RequireService(t, "rses")
	good := func(more ...any) transfer.Item { return d.file("", "content", more...) }
	write(t, filepath.Join(d.dir, "mixed", "folder", "file"), "")
	write(t, filepath.Join(d.dir, "mixed", "file"), "")
	must(t, os.MkdirAll(filepath.Join(d.dir, "empty", "more"), 0o755))
	for name, test := range map[string]struct {
		items []transfer.Item
		class rucio.Exception
		says  string
	}{
		"nothing":               {nil, rucio.ErrInputValidationError, "no valid input files given"},
		"no path":               {[]transfer.Item{{"rse": "POSIX1"}}, rucio.ErrInputValidationError, "item 1: it has no path"},
		"no RSE":                {[]transfer.Item{good("rse", nil)}, rucio.ErrInputValidationError, ": it has no rse"},
		"no file":               {[]transfer.Item{good("path", "/nowhere/file")}, rucio.ErrInputValidationError, "no valid input files given: /nowhere/file: no such file or directory"},
		"a device":              {[]transfer.Item{good("path", "/dev/null")}, rucio.ErrInputValidationError, "it is no regular file"},
		"a number for a string": {[]transfer.Item{good(), good("did_name", 7)}, rucio.ErrInputValidationError, "item 2: did_name must be a string, not 7"},
		"a string for a number": {[]transfer.Item{good("lifetime", "7")}, rucio.ErrInputValidationError, `item 1: lifetime must be a whole number of seconds, not the string "7"`},
		"half a second":         {[]transfer.Item{good("lifetime", 1.5)}, rucio.ErrInputValidationError, "item 1: lifetime must be a whole number of seconds, not 1.5"},
		"a word for a flag":     {[]transfer.Item{good("no_register", "no")}, rucio.ErrInputValidationError, "item 1: no_register must be true or false"},
		"a list for a map":      {[]transfer.Item{good("dataset_meta", []any{})}, rucio.ErrInputValidationError, "item 1: dataset_meta must be a map, not a list"},
		"no time":               {[]transfer.Item{good("transfer_timeout", 0)}, rucio.ErrInputValidationError, "item 1: transfer_timeout must be a number of seconds above 0"},
		"unknown RSE":           {[]transfer.Item{good("rse", "NOWHERE")}, rucio.ErrInvalidRSEExpression, "there is no RSE NOWHERE"},
		"no RSE at all":         {[]transfer.Item{good("rse", "country=Atlantis")}, rucio.ErrInvalidRSEExpression, `no RSE matches "country=Atlantis"`},
		"wrong expression":      {[]transfer.Item{good("rse", "((")}, rucio.ErrInvalidRSEExpression, `"((" is no RSE expression: Problem with parentheses`},
		"a path for a PFN":      {[]transfer.Item{good("pfn", "/a/b")}, rucio.ErrInputValidationError, `item 1: pfn must be a URL such as davs://door.example.org/file, not the string "/a/b"`},
		"a word for a GUID":     {[]transfer.Item{good("guid", "new")}, rucio.ErrInputValidationError, `item 1: guid must be 32 hexadecimal digits, not the string "new"`},
		"no writes":             {[]transfer.Item{good(), good("rse", "READONLY1")}, rucio.ErrRSEWriteBlocked, "READONLY1 is not available for writing"},
		"the same twice":        {[]transfer.Item{good(), good()}, rucio.ErrInputValidationError, "are both to be test:" + d.name + " on POSIX1"},
		"file and dataset":      {[]transfer.Item{good("dataset_scope", "test", "dataset_name", d.name)}, rucio.ErrInputValidationError, "DIDs used to address both files and datasets: test:" + d.name},
		"files beside folders":  {[]transfer.Item{good("path", d.dir+"/mixed", "recursive", true)}, rucio.ErrInputValidationError, "has files and folders in it"},
		"empty folders":         {[]transfer.Item{good("path", d.dir+"/empty", "recursive", true)}, rucio.ErrInputValidationError, "it is empty"},
		"only folders":          {[]transfer.Item{good("path", d.dir+"/empty")}, rucio.ErrInputValidationError, "only folders, which are for recursive uploads"},
		"recursive file":        {[]transfer.Item{good("recursive", true)}, rucio.ErrInputValidationError, "recursive is for folders"},
	} {
		t.Run(name, func(t *testing.T) {
			results, err := transfer.UploadFiles(t.Context(), d.c, test.items, nil)
			is(t, err, test.class)
			if err == nil || !strings.Contains(err.Error(), test.says) || results != nil {
				t.Errorf("got %v, %v", results, err)
			}
		})
	}
	for found, err := range d.c.GetMetadataBulk(t.Context(), []rucio.DID{{Scope: "test", Name: d.name}}, nil) {
		t.Errorf("registered: %v, %v", found, err)
	}
}

// A file with which something is wrong does not keep the others from being uploaded.
func TestUploadOfTheGoodOnes(t *testing.T) {
	env := testbed.Require(t)
	env.RequireService(t, "rses")
	d := newDesk(t, nil)
	var items []transfer.Item
	var want []transfer.UploadState
	add := func(state transfer.UploadState, suffix string, more ...any) {
		items = append(items, d.file(suffix, "content", more...))
		want = append(want, state)
	}
	add(done, ".1")
	add(broken, ".bad name")                        // the catalogue has no blanks
	add(broken, ".2", "did_scope", "no.such.scope") //
	add(broken, ".3", "force_scheme", "davs")       // POSIX1 has none
	add(broken, ".4", "rse", "NONDET1")             // needs a pfn
	add(broken, ".5.pool.root")                     // needs a tool for its GUID
	add(done, ".6.pool.root", "guid", "F00D-F00D"+strings.Repeat("0", 24))
	add(broken, ".7", "meta", map[string]any{"nonsense": 7})
	add(done, ".8", "meta", map[string]any{"events": 42})
	add(skipped, ".9", "path", "/nowhere/file")
	add(broken, ".10", "dataset_scope", "no.such.scope", "dataset_name", d.name)
	for i := range 30 { // among which the catalogue has to find the bad ones
		add(done, "."+strings.Repeat("x", i+1), "dataset_scope", "test", "dataset_name", d.name+".ds")
	}
	results, err := d.upload(items, want...)
	is(t, err, rucio.ErrNotAllFilesUploaded)
	for i, class := range map[int]rucio.Exception{
		1: rucio.ErrInvalidObject, 2: rucio.ErrScopeNotFound, 3: rucio.ErrRSEProtocolNotSupported, 4: rucio.ErrInputValidationError,
		5: rucio.ErrRucioException, 7: rucio.ErrRucioException, 10: rucio.ErrScopeNotFound,
	} {
		if !errors.Is(results[i].Err, class) {
			t.Errorf("file %d: %v, want %s", i, results[i].Err, class)
		}
	}
	if results[10].PFN != "" {
		t.Error("a file was sent for a dataset that cannot be")
	}
	for _, i := range []int{1, 7} {
		if results[i].PFN != "" && d.stored(results[i]) != "-" {
			t.Errorf("file %d is left: %+v", i, results[i])
		}
	}
	if d.rules(results[6].DID) != 1 || !strings.HasPrefix(results[6].GUID, "F00DF00D") {
		t.Errorf("%d rules; %+v", d.rules(results[6].DID), results[6])
	}
	content := 0
	for _, err := range d.c.ListContent(t.Context(), "test", d.name+".ds") {
		must(t, err)
		content++
	}
	if content != 30 {
		t.Errorf("%d files in the dataset", content)
	}
}

// An account that may not write to a scope leaves no bytes behind.
func TestUploadWithoutPermission(t *testing.T) {
	d := newDesk(t, nil)
	env := testbed.Require(t)
	mover := transfer.NewMover(transfer.Setup{})
	d.c = testclient.New(t, func(o *rucio.Options) {
		o.Account, o.Transfers = "jdoe", mover
		o.Credentials = &testclient.Userpass{Host: env.HTTPURL, Account: "jdoe", Username: "jdoe", Password: "secret"}
	})
	item := d.file("", "content")
	results, err := d.upload([]transfer.Item{item}, broken)
	is(t, err, rucio.ErrAccessDenied)
	if d.stored(results[0]) != "-" {
		t.Errorf("stored is %q", d.stored(results[0]))
	}
	item["did_scope"] = nil
	if results, _ = d.upload([]transfer.Item{item}, broken); results[0].DID.Scope != "user.jdoe" || d.stored(results[0]) != "-" {
		t.Errorf("got %+v", results[0])
	}
}

// An expression is one RSE for all its files, and never one that takes no writes.
func TestUploadToAnExpression(t *testing.T) {
	env := testbed.Require(t)
	env.RequireService(t, "rses")
	d := newDesk(t, nil)
	chosen := map[string]bool{}
	for i := range 6 {
		suffix := strings.Repeat("x", i)
		results, err := d.upload([]transfer.Item{d.file(suffix+".a", "a", "rse", "READONLY1|POSIX1|POSIX2"), d.file(suffix+".b", "b", "rse", "READONLY1|POSIX1|POSIX2")}, done, done)
		must(t, err)
		if results[0].RSE != results[1].RSE {
			t.Errorf("%s and %s", results[0].RSE, results[1].RSE)
		}
		chosen[results[0].RSE] = true
	}
	if chosen["READONLY1"] {
		t.Errorf("chosen were %v", chosen)
	}
	results, err := transfer.UploadFiles(t.Context(), d.c, []transfer.Item{d.file(".c", "c", "rse", "READONLY1")}, &transfer.UploadOptions{IgnoreAvailability: true})
	if err != nil || results[0].State != done || d.stored(results[0]) != "c" {
		t.Errorf("got %+v, %v", results, err)
	}
}

// An RSE that does not name files itself is told where they are.
func TestUploadWhereTheCallerWants(t *testing.T) {
	env := testbed.Require(t)
	folder := env.RequireService(t, "rses")["TESTBED_RSE_NONDET1_FOLDER"]
	d := newDesk(t, nil)
	pfn := "file://localhost" + folder + "/" + d.name + "/where I want it, ü"
	item := d.file("", "content", "rse", "NONDET1", "pfn", pfn, "lifetime", 3600)
	results, err := d.upload([]transfer.Item{item}, done)
	must(t, err)
	if d.stored(results[0]) != "content" || results[0].PFN != pfn || d.state(results[0]) != "AVAILABLE" || d.rules(results[0].DID) != 1 {
		t.Errorf("got %+v", results[0])
	}
	for replica, err := range d.c.ListReplicas(t.Context(), dids(results), nil) {
		if must(t, err); !slices.Equal(slices.Collect(maps.Keys(replica.PFNs)), []string{pfn}) {
			t.Errorf("got %s", replica.JSON())
		}
	}
	d.upload([]transfer.Item{item}, already)
	item["pfn"] = pfn + ".other"
	_, err = d.upload([]transfer.Item{item}, broken)
	if !errors.Is(err, rucio.ErrFileReplicaAlreadyExists) {
		t.Errorf("got %v", err)
	}
	item = d.file(".2", "content", "rse", "NONDET1", "pfn", "file://localhost"+d.dir+"/elsewhere")
	results, err = d.upload([]transfer.Item{item}, broken)
	if err == nil || d.stored(results[0]) != "-" {
		t.Errorf("%v: stored is %q", err, d.stored(results[0]))
	}
}

// The summary tells of what is there, in the form of Python's.
func TestUploadSummary(t *testing.T) {
	d := newDesk(t, nil)
	o := &transfer.UploadOptions{SummaryFilePath: filepath.Join(d.dir, "summary.json")}
	d.upload([]transfer.Item{d.file("", "content")}, done)
	results, err := transfer.UploadFiles(t.Context(), d.c, []transfer.Item{d.file("", "content"), d.file(".2", "content"), d.file(".3", "", "did_scope", "none")}, o)
	is(t, err, rucio.ErrNotAllFilesUploaded)
	var summary map[string]map[string]any
	text, err := os.ReadFile(o.SummaryFilePath)
	must(t, err)
	must(t, json.Unmarshal(text, &summary))
	if len(summary) != 2 {
		t.Fatalf("got %s", text)
	}
	for _, r := range results[:2] {
		want := map[string]any{
			"scope": "test", "name": r.DID.Name, "bytes": 7.0, "rse": "POSIX1", "pfn": r.PFN, "guid": r.GUID, "adler32": adler([]byte("content")), "md5": md5sum([]byte("content")),
		}
		if !maps.Equal(summary[r.DID.String()], want) {
			t.Errorf("got %v, want %v", summary[r.DID.String()], want)
		}
	}
	o.SummaryFilePath = "/nowhere/summary.json"
	if _, err := transfer.UploadFiles(t.Context(), d.c, []transfer.Item{d.file("", "content")}, o); err == nil || !strings.Contains(err.Error(), "the summary is not written") {
		t.Errorf("got %v", err)
	}
}

// An RSE may name files in a way that only its server knows.
func TestUploadWhereTheServerWants(t *testing.T) {
	d := newDesk(t, nil)
	item, other := d.file("", "content"), d.file(".2", "content")
	var names int
	d.c = testclient.New(t, func(o *rucio.Options) {
		o.Transfers = d.c.Transfers()
		o.Trace = func(r rucio.RequestTrace) {
			if r.Method == "lfns2pfns" {
				names++
			}
		}
	})
	defer transfer.ForgetNaming("hash")()
	results, _ := d.upload([]transfer.Item{item, other}, done, done)
	if names != 1 {
		t.Errorf("the server was asked for names %d times", names)
	}
	for replica, err := range d.c.ListReplicas(t.Context(), dids(results[:1]), nil) {
		if must(t, err); !slices.Equal(replica.RSEs["POSIX1"], []string{results[0].PFN}) || d.stored(results[0]) != "content" {
			t.Errorf("got %s; stored is %q as %s", replica.JSON(), d.stored(results[0]), results[0].PFN)
		}
	}
}

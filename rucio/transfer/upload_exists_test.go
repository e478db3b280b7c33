package transfer_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

const (
	done    = transfer.UploadDone
	already = transfer.UploadAlready
	broken  = transfer.UploadFailed
	skipped = transfer.UploadSkipped
)

// What is registered and has its bytes is not sent again; a file that has changed is another one.
func TestUploadAgain(t *testing.T) {
	d := newDesk(t, nil)
	item := d.file("", "content")
	first, _ := d.upload([]transfer.Item{item}, done)
	before, err := os.Stat(local(t, first[0].PFN))
	must(t, err)
	second, _ := d.upload([]transfer.Item{item}, already)
	after, err := os.Stat(local(t, first[0].PFN))
	must(t, err)
	if !os.SameFile(before, after) || second[0].GUID != first[0].GUID || d.rules(first[0].DID) != 1 {
		t.Errorf("sent again: %+v", second[0])
	}
	d.file("", "contenu")
	_, err = d.upload([]transfer.Item{item}, broken)
	is(t, err, rucio.ErrDataIdentifierAlreadyExists)
	d.file("", "much more content")
	_, err = d.upload([]transfer.Item{item, d.file(".2", "other")}, broken, done)
	is(t, err, rucio.ErrNotAllFilesUploaded)
	if !errors.Is(err, rucio.ErrDataIdentifierAlreadyExists) || !strings.Contains(err.Error(), d.name) {
		t.Errorf("got %v", err)
	}
	if d.stored(first[0]) != "content" {
		t.Errorf("stored is %q", d.stored(first[0]))
	}
}

// An upload that was interrupted after the bytes had moved is finished without sending them.
func TestUploadFindsItsBytes(t *testing.T) {
	d := newDesk(t, nil)
	item := d.file("", "content", "no_register", true)
	first, _ := d.upload([]transfer.Item{item}, done)
	if d.state(first[0]) != "" {
		t.Fatal("it is registered")
	}
	d.upload([]transfer.Item{item}, already)
	delete(item, "no_register")
	second, _ := d.upload([]transfer.Item{item}, already)
	if d.state(second[0]) != "AVAILABLE" || d.rules(second[0].DID) != 1 {
		t.Errorf("the state is %s, there are %d rules", d.state(second[0]), d.rules(second[0].DID))
	}
}

// The rule that an interrupted upload has not come to is made by the next one.
func TestUploadMakesUpForTheRule(t *testing.T) {
	d := newDesk(t, nil)
	first, _ := d.upload([]transfer.Item{d.file("", "content", "no_register", true)}, done)
	file := first[0].DID
	file.Extra = map[string]any{"bytes": 7, "adler32": first[0].Adler32, "md5": first[0].MD5, "meta": map[string]any{"guid": first[0].GUID}}
	must(t, d.c.AddReplicas(t.Context(), "POSIX1", []rucio.DID{file}, nil))
	d.upload([]transfer.Item{d.file("", "content")}, already)
	if d.rules(first[0].DID) != 1 {
		t.Errorf("%d rules", d.rules(first[0].DID))
	}
}

// What lies unregistered where the file is to be is overwritten only if that was asked for.
func TestUploadOverLeftovers(t *testing.T) {
	d := newDesk(t, nil)
	item := d.file("", "leftover", "no_register", true)
	first, _ := d.upload([]transfer.Item{item}, done)
	item = d.file("", "content!")
	_, err := d.upload([]transfer.Item{item}, broken)
	is(t, err, rucio.ErrNoFilesUploaded)
	if !errors.Is(err, rucio.ErrFileReplicaAlreadyExists) || d.stored(first[0]) != "leftover" || d.state(first[0]) != "" {
		t.Errorf("%v; stored is %q, %s", err, d.stored(first[0]), d.state(first[0]))
	}
	item["register_after_upload"] = true
	second, _ := d.upload([]transfer.Item{item}, done)
	if d.stored(second[0]) != "content!" || d.state(second[0]) != "AVAILABLE" {
		t.Errorf("stored is %q, %s", d.stored(second[0]), d.state(second[0]))
	}
	must(t, os.WriteFile(local(t, second[0].PFN), []byte("damaged!"), 0o644))
	_, err = d.upload([]transfer.Item{item}, broken)
	if !errors.Is(err, rucio.ErrFileReplicaAlreadyExists) || d.stored(second[0]) != "damaged!" {
		t.Errorf("%v; stored is %q", err, d.stored(second[0]))
	}
	must(t, os.Remove(local(t, second[0].PFN)))
	third, _ := d.upload([]transfer.Item{item}, done) // it was lost
	if d.stored(third[0]) != "content!" || d.rules(third[0].DID) != 1 {
		t.Errorf("stored is %q, %d rules", d.stored(third[0]), d.rules(third[0].DID))
	}
}

// Python's client registers first; what it has left, interrupted, is finished: half a file under its temporary name, and a
// replica that is being copied.
func TestUploadFinishesPythons(t *testing.T) {
	env := testbed.Require(t)
	d := newDesk(t, nil)
	item := d.file("", "content", "lifetime", 3600)
	probe, _ := d.upload([]transfer.Item{d.file("", "content", "no_register", true)}, done)
	path := local(t, probe[0].PFN)
	must(t, os.Rename(path, path+".rucio.upload"))
	file := probe[0].DID
	file.Extra = map[string]any{"bytes": 7, "adler32": probe[0].Adler32, "md5": probe[0].MD5, "meta": map[string]any{"guid": probe[0].GUID}, "state": "C"}
	must(t, d.c.AddReplicas(t.Context(), "POSIX1", []rucio.DID{file}, nil))
	lifetime := 3600
	_, err := d.c.AddReplicationRule(t.Context(), []rucio.DID{file}, 1, "POSIX1", &rucio.AddReplicationRuleOptions{Lifetime: &lifetime})
	must(t, err)
	results, _ := d.upload([]transfer.Item{item}, done)
	if d.stored(results[0]) != "content" || d.state(results[0]) != "AVAILABLE" || d.rules(results[0].DID) != 1 {
		t.Errorf("stored is %q, %s, %d rules", d.stored(results[0]), d.state(results[0]), d.rules(results[0].DID))
	}
	for rule, err := range d.c.ListDIDRules(t.Context(), "test", d.name) {
		if must(t, err); rule.State != "OK" {
			t.Errorf("the rule is %s", rule.JSON())
		}
	}
	if _, raised := byPython(t, env, []transfer.Item{item}, nil); raised != "NoFilesUploaded" { // which it makes of what is there
		t.Errorf("Python's client raises %q", raised)
	}
}

// A second replica of a file gets no rule, as in Python's client; one in a dataset that has the file already is fine.
func TestUploadASecondReplica(t *testing.T) {
	d := newDesk(t, nil)
	dataset := []any{"dataset_scope", "test", "dataset_name", d.name + ".ds"}
	d.upload([]transfer.Item{d.file("", "content", dataset...)}, done)
	results, _ := d.upload([]transfer.Item{d.file("", "content", append(dataset, "rse", "POSIX2")...)}, done)
	if d.rules(results[0].DID) != 0 || d.rules(rucio.DID{Scope: "test", Name: d.name + ".ds"}) != 1 || d.state(results[0]) != "AVAILABLE" {
		t.Errorf("%d rules, %s", d.rules(results[0].DID), d.state(results[0]))
	}
	must(t, d.c.Close(t.Context(), "test", d.name+".ds"))
	_, err := d.upload([]transfer.Item{d.file(".2", "content", dataset...), d.file(".3", "content")}, broken, done)
	if !errors.Is(err, rucio.ErrUnsupportedOperation) {
		t.Errorf("got %v", err)
	}
	is(t, err, rucio.ErrNotAllFilesUploaded)
	_, err = transfer.UploadFiles(t.Context(), d.c, []transfer.Item{d.file(".4", "content", append(dataset, "lifetime", 60)...)}, nil)
	is(t, err, rucio.ErrInputValidationError)
}

// An upload into a dataset whose rule ends can be made again, and at the same time, as long as it wants what the rule says.
func TestUploadAgainIntoADatasetThatEnds(t *testing.T) {
	d := newDesk(t, nil)
	terms := func(lifetime any) []any {
		return []any{"dataset_scope", "test", "dataset_name", d.name + ".ds", "lifetime", lifetime}
	}
	d.upload([]transfer.Item{d.file(".1", "content", terms(3600)...)}, done)
	_, err := d.upload([]transfer.Item{d.file(".1", "content", terms(3600)...), d.file(".2", "content", terms(3600)...)}, already, done)
	must(t, err)
	for _, other := range []int{60, 7200} {
		results, err := transfer.UploadFiles(t.Context(), d.c, []transfer.Item{d.file(".3", "content", terms(other)...)}, nil)
		is(t, err, rucio.ErrInputValidationError)
		if results != nil || !strings.Contains(err.Error(), "exists, and no rule of root's on it has a lifetime of") {
			t.Errorf("%d seconds: %v", other, err)
		}
	}
	if n := d.rules(rucio.DID{Scope: "test", Name: d.name + ".ds"}); n != 1 {
		t.Errorf("%d rules", n)
	}
	d.name += ".other"
	var items []transfer.Item
	for i := range 4 {
		items = append(items, d.file(fmt.Sprint(".", i), "content", terms(3600)...))
	}
	for i, r := range d.atOnce(items, nil) {
		if r.State != done {
			t.Errorf("upload %d: %v", i, r.Err)
		}
	}
}

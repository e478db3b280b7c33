package rucio_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// family makes a container "top" of a dataset "dir/ds" of a file "f" and an archive "a.zip", which holds "in".
func family(t *testing.T, c *rucio.Client) (scope string) {
	ctx, scope := t.Context(), testbed.Unique("sdk")
	must(t, c.AddScope(ctx, "root", scope))
	file := func(name string) rucio.DID {
		return rucio.DID{Scope: scope, Name: name, Extra: map[string]any{"bytes": 10, "adler32": "0cc737eb"}}
	}
	must(t, c.AddDataset(ctx, scope, "dir/ds", &rucio.AddDatasetOptions{Files: []rucio.DID{file("f"), file("a.zip")}, RSE: "MOCK1"}))
	must(t, c.AddFilesToArchive(ctx, scope, "a.zip", []rucio.DID{file("in")}))
	must(t, c.AddContainers(ctx, []rucio.NewDID{{Scope: scope, Name: "top", Type: "DATASET"}}))
	must(t, c.AddDatasetsToContainers(ctx, []rucio.Attachment{{Scope: scope, Name: "top", DIDs: []rucio.DID{{Scope: scope, Name: "dir/ds"}}}}))
	return scope
}

func TestTypedContent(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	scope := family(t, c)
	tree := all(t, c.ScopeList(ctx, scope, &rucio.ScopeListOptions{Name: "top", Recursive: true}))
	if len(tree) != 3 || tree[0].Parent.String() != scope+":top" || tree[0].Level != 1 || tree[0].Type != "DATASET" || tree[1].Parent.Name != "dir/ds" {
		t.Errorf("got %+v", tree)
	}
	if roots := all(t, c.ScopeList(ctx, scope, nil)); !slices.ContainsFunc(roots, func(d *rucio.TreeDID) bool { return d.Name == "top" && d.Parent == nil }) {
		t.Errorf("got %+v", roots)
	}
	if parents := all(t, c.ListParentDIDs(ctx, scope, "dir/ds")); len(parents) != 1 || parents[0].Name != "top" || parents[0].Type != "CONTAINER" {
		t.Errorf("got %+v", parents)
	}
	if files := all(t, c.BulkListFiles(ctx, []rucio.DID{{Scope: scope, Name: "top"}})); len(files) != 2 || files[0].ParentName != "top" || *files[0].Bytes != 10 {
		t.Errorf("got %+v", files)
	}
	if inner := all(t, c.ListArchiveContent(ctx, scope, "a.zip")); len(inner) != 1 || inner[0].Name != "in" || inner[0].Adler32 != "0cc737eb" {
		t.Errorf("got %+v", inner)
	}
	must(t, c.DetachDIDs(ctx, scope, "dir/ds", &rucio.DetachDIDsOptions{DIDs: []rucio.DID{{Scope: scope, Name: "f"}}}))
	if past := all(t, c.ListContentHistory(ctx, scope, "dir/ds")); len(past) != 1 || past[0].Name != "f" || past[0].Type != "FILE" || past[0].DeletedAt.IsZero() {
		t.Errorf("got %+v", past)
	}
	must(t, c.SetDIDsMetadataBulk(ctx, []rucio.DID{{Scope: scope, Name: "top", Extra: map[string]any{"meta": map[string]any{"project": "data25"}}}}, nil))
	rows := all(t, c.GetMetadataBulk(ctx, []rucio.DID{{Scope: scope, Name: "top"}}, nil))
	var meta struct{ Project string }
	if len(rows) != 1 || rows[0].Name != "top" || rows[0].Decode(&meta) != nil || meta.Project != "data25" {
		t.Errorf("got %+v, %+v", rows, meta)
	}
}

func TestTypedRules(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	scope := family(t, c)
	rules, err := c.AddReplicationRule(ctx, []rucio.DID{{Scope: scope, Name: "top"}}, 1, "MOCK1", &rucio.AddReplicationRuleOptions{Lifetime: new(600)})
	must(t, err)
	if held := all(t, c.ListAssociatedRulesForFile(ctx, scope, "f")); len(held) != 1 || held[0].ID != rules[0] {
		t.Errorf("got %+v", held)
	}
	if locks := all(t, c.ListReplicaLocks(ctx, rules[0])); len(locks) != 2 || locks[0].RSE != "MOCK1" || locks[0].State != "OK" || locks[0].RuleID != rules[0] {
		t.Errorf("got %+v", locks)
	}
	if past := all(t, c.ListReplicationRuleFullHistory(ctx, scope, "top")); len(past) != 1 || past[0].RuleID != rules[0] || past[0].LocksOK != 2 || past[0].CreatedAt.IsZero() {
		t.Errorf("got %+v", past)
	}
	moved, err := c.MoveReplicationRule(ctx, rules[0], "MOCK2", nil)
	must(t, err)
	if analysis, err := c.ExamineReplicationRule(ctx, moved); err != nil || !strings.Contains(analysis.RuleError, "REPLICATING") || len(analysis.Transfers) != 0 {
		t.Errorf("got %+v, %v", analysis, err)
	}
	if old, err := c.GetReplicationRule(ctx, rules[0]); err != nil || old.ChildRuleID != moved {
		t.Errorf("got %+v, %v", old, err)
	}
}

// A stuck rule tells of its transfers.
func TestExamineAStuckRule(t *testing.T) {
	c, ctx, scope := testclient.New(t, nil), t.Context(), testbed.Unique("sdk")
	must(t, c.AddScope(ctx, "root", scope))
	file := rucio.DID{Scope: scope, Name: "stuck-f", Extra: map[string]any{"bytes": 10, "adler32": "0cc737eb"}}
	must(t, c.AddDataset(ctx, scope, "ds", &rucio.AddDatasetOptions{Files: []rucio.DID{file}, RSE: "POSIX1"}))
	rules, err := c.AddReplicationRule(ctx, []rucio.DID{{Scope: scope, Name: "ds"}}, 1, "POSIX2", nil)
	must(t, err)
	testbed.Require(t).Daemons(t, "conveyor-submitter", "conveyor-poller", "conveyor-finisher")
	analysis, err := c.ExamineReplicationRule(ctx, rules[0])
	if err != nil || len(analysis.Transfers) != 1 {
		t.Fatalf("got %+v, %v", analysis, err)
	}
	if got := analysis.Transfers[0]; got.Name != "stuck-f" || got.RSE != "POSIX2" || got.Attempts != 1 || got.LastTime.IsZero() || len(got.Sources) != 1 || got.Sources[0][0] != "POSIX1" {
		t.Errorf("got %+v", got)
	}
	must(t, c.DeleteReplicationRule(ctx, rules[0], nil))
}

// What is public is had from the public server, by anybody.
func TestPublicOpenData(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	scope := family(t, c)
	must(t, c.AddOpenDataDID(ctx, scope, "top"))
	must(t, c.Close(ctx, scope, "top"))
	update, err := c.UpdateOpenDataDID(ctx, scope, "top", &rucio.UpdateOpenDataDIDOptions{State: new("public"), DOI: new("10.1234/" + scope)})
	if err != nil || update.StateOld != "DRAFT" || update.StateNew != "PUBLIC" || update.DOINew != "10.1234/"+scope {
		t.Errorf("got %+v, %v", update, err)
	}
	anybody := testclient.New(t, func(o *rucio.Options) {
		o.OpenDataHost, o.Hosts, o.Credentials, o.Account = o.Hosts[0], []string{"http://127.0.0.1:1"}, nil, ""
	})
	if host, err := anybody.GetOpenDataHost(ctx, true); err != nil || host != testbed.Require(t).HTTPURL {
		t.Errorf("got %s, %v", host, err)
	}
	list, err := anybody.ListOpenDataDIDs(ctx, &rucio.ListOpenDataDIDsOptions{Public: true})
	if err != nil || list.Total < 1 || !slices.ContainsFunc(list.DIDs, func(d rucio.OpenDataEntry) bool { return d.Scope == scope && d.State == "PUBLIC" }) {
		t.Errorf("got %+v, %v", list, err)
	}
	did, err := anybody.GetOpenDataDID(ctx, scope, "top", &rucio.GetOpenDataDIDOptions{Public: true, IncludeRecordID: new(false)})
	if err != nil || did.Name != "top" || did.State != "PUBLIC" || did.DOI != "10.1234/"+scope || did.CreatedAt.IsZero() || strings.Contains(string(did.JSON()), "record_id") {
		t.Errorf("got %+v, %v", did, err)
	}
	_, err = c.UpdateOpenDataDID(ctx, scope, "top", &rucio.UpdateOpenDataDIDOptions{State: new("draft")})
	if !errors.Is(err, rucio.ErrOpenDataInvalidStateUpdate) || !errors.Is(err, rucio.ErrOpenDataError) {
		t.Errorf("got %v", err)
	}
}

package rucio_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// TestTypedResults sees that typed results of a real server are filled. What they hold is compared in package catalog.
func TestTypedResults(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	scope := testbed.Unique("sdk")
	must(t, c.AddScope(ctx, "root", scope))
	if scopes, err := c.ListScopes(ctx); err != nil || !slices.Contains(scopes, scope) {
		t.Errorf("got %v, %v", scopes, err)
	}
	must(t, c.AddDIDs(ctx, []rucio.NewDID{{Scope: scope, Name: "ds", Type: "DATASET", Lifetime: new(3600), Meta: map[string]any{"project": "data25"}}}))
	file := rucio.DID{Scope: scope, Name: "f", Extra: map[string]any{"bytes": 9007199254740993, "adler32": "0cc737eb"}}
	must(t, c.AttachDIDs(ctx, scope, "ds", []rucio.DID{file}, &rucio.AttachDIDsOptions{RSE: "MOCK1"}))

	info, err := c.GetDID(ctx, scope, "ds", &rucio.GetDIDOptions{Dynamic: true}) // PostgreSQL sums up in floating point
	if err != nil || info.Type != "DATASET" || !*info.Open || *info.Bytes < 9007199254740992 || time.Until(info.ExpiredAt.Time) > time.Hour {
		t.Errorf("got %+v, %v", info, err)
	}
	for f, err := range c.ListFiles(ctx, scope, "ds", nil) {
		if err != nil || f.Name != "f" || *f.Bytes != 9007199254740993 || f.Adler32 != "0cc737eb" {
			t.Errorf("got %+v, %v", f, err)
		}
	}
	for found, err := range c.ListDIDs(ctx, scope, rucio.Filters{{"created_after": rucio.At(time.Now().Add(-time.Hour))}}, nil) {
		if err != nil || found.Name != "ds" {
			t.Errorf("got %+v, %v", found, err)
		}
	}
	rules, err := c.AddReplicationRule(ctx, []rucio.DID{{Scope: scope, Name: "ds"}}, 1, "MOCK1", &rucio.AddReplicationRuleOptions{Lifetime: new(600)})
	if err != nil || len(rules) != 1 {
		t.Fatalf("got %v, %v", rules, err)
	}
	rule, err := c.GetReplicationRule(ctx, rules[0])
	if err != nil || rule.State != "OK" || rule.Copies != 1 || rule.Priority != 3 || rule.Grouping != "DATASET" || rule.ExpiresAt.IsZero() {
		t.Errorf("got %+v, %v", rule, err)
	}
	must(t, c.DeleteReplicationRule(ctx, rules[0], nil))
	for replica, err := range c.ListReplicas(ctx, []rucio.DID{{Scope: scope, Name: "ds"}}, nil) {
		if err != nil || replica.States["MOCK1"] != "AVAILABLE" || len(replica.RSEs["MOCK1"]) != 1 || replica.PFNs[replica.RSEs["MOCK1"][0]].RSE != "MOCK1" {
			t.Errorf("got %+v, %v", replica, err)
		}
	}
	for replica, err := range c.ListReplicas(ctx, []rucio.DID{{Scope: scope, Name: "ds"}}, &rucio.ListReplicasOptions{Metalink: true}) {
		if err != nil || !strings.HasPrefix(replica.Metalink, "<?xml") {
			t.Errorf("got %+v, %v", replica, err)
		}
	}
	if rse, err := c.GetRSE(ctx, "POSIX1"); err != nil || rse.Type != "DISK" || len(rse.Protocols) == 0 || rse.Protocols[0].Scheme == "" {
		t.Errorf("got %+v, %v", rse, err)
	}
}

func TestErrorsOfTheServer(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	_, err := c.GetDID(ctx, "test", "no such/thing", nil)
	const want = "get_did: DataIdentifierNotFound: Data identifier 'test:no such/thing' not found (HTTP 404 from GET %s/dids/test/no%%20such%%2Fthing)"
	if !errors.Is(err, rucio.ErrDataIdentifierNotFound) || !errors.Is(err, rucio.ErrNotFound) || err.Error() != fmt.Sprintf(want, testbed.Require(t).HTTPURL) {
		t.Errorf("got %v", err)
	}
}

func TestARefusedTokenIsRenewed(t *testing.T) {
	env := testbed.Require(t)
	login := &testclient.Userpass{Host: env.HTTPURL, Account: env.Account, Username: env.Username, Password: env.Password}
	c := testclient.New(t, func(o *rucio.Options) { o.Credentials = login })
	login.Spoil()
	if me, err := c.Whoami(t.Context()); err != nil || me.Account != env.Account {
		t.Errorf("got %+v, %v", me, err)
	}
}

func TestTheAccountIsLearned(t *testing.T) {
	c := testclient.New(t, func(o *rucio.Options) { o.Account = "" })
	if account, err := c.Raw().Account(t.Context()); err != nil || account != "root" {
		t.Errorf("got %q, %v", account, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

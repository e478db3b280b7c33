package rucio_test

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// all reads a list to its end.
func all[T any](t *testing.T, rows iter.Seq2[T, error]) (list []T) {
	t.Helper()
	for row, err := range rows {
		must(t, err)
		list = append(list, row)
	}
	return list
}

func TestTypedAccount(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	account := testbed.Unique("acc")
	must(t, c.AddAccount(ctx, account, "USER", nil))
	must(t, c.SetLocalAccountLimit(ctx, account, "POSIX1", 9007199254740993))
	must(t, c.SetLocalAccountLimit(ctx, account, "POSIX2", -1))
	must(t, c.SetGlobalAccountLimit(ctx, account, "POSIX1|POSIX2", 10))
	limits := map[string]rucio.Quota{}
	for _, u := range append(all(t, c.GetLocalAccountUsage(ctx, account, nil)), all(t, c.GetGlobalAccountUsage(ctx, account, nil))...) {
		limits[u.RSE+u.RSEExpression] = u.BytesLimit
	}
	if limits["POSIX1"] != 9007199254740993 || limits["POSIX2"] != rucio.Unlimited || limits["POSIX1|POSIX2"] != 10 {
		t.Errorf("got %v", limits)
	}
	must(t, c.AddAccountAttribute(ctx, account, "k", "v"))
	if got := all(t, c.ListAccountAttributes(ctx, account)); len(got) != 1 || got[0].Key != "k" || got[0].Value != "v" {
		t.Errorf("got %+v", got)
	}
	identity := rucio.Identity{Type: "USERPASS", Identity: account, Email: "x@example.org"}
	must(t, c.AddIdentity(ctx, account, identity.Identity, identity.Type, identity.Email, &rucio.AddIdentityOptions{Password: "hush"}))
	if got := all(t, c.ListIdentities(ctx, account)); len(got) != 1 || got[0].Identity != account || got[0].Type != "USERPASS" || got[0].Email != identity.Email {
		t.Errorf("got %+v", got)
	}
	env := testbed.Require(t)
	other := testclient.New(t, func(o *rucio.Options) {
		o.Account = account
		o.Credentials = &testclient.Userpass{Host: env.HTTPURL, Account: account, Username: account, Password: "hush"}
	})
	if me, err := other.Whoami(ctx); err != nil || me.Account != account {
		t.Errorf("logged in with the new identity: got %+v, %v", me, err)
	}
	if err := other.DeleteAccount(ctx, "root"); !errors.Is(err, rucio.ErrAccessDenied) {
		t.Errorf("a plain account deletes root: %v", err)
	}
	must(t, c.DeleteAccount(ctx, account))
}

func TestTypedSubscription(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	name := testbed.Unique("sub")
	rules := []map[string]any{{"copies": 1, "rse_expression": "MOCK1", "activity": "User Subscriptions"}}
	id, err := c.AddSubscription(ctx, name, "root", map[string]any{"scope": []string{name}}, rules, nil, new(rucio.Days(2)), false, false, nil)
	if err != nil || len(id) != 32 {
		t.Fatalf("got %q, %v", id, err)
	}
	defer func() { must(t, c.DeactivateSubscription(ctx, name, nil)) }()
	for _, details := range []bool{false, true} {
		o := &rucio.ListSubscriptionRuleStatesOptions{Name: name, IncludeDetails: details}
		got := all(t, c.ListSubscriptionRuleStates(ctx, "root", o))
		if len(got) != 1 || got[0].Account != "root" || got[0].Name != name || got[0].State != "" || got[0].Count != 0 {
			t.Fatalf("details %v: got %+v", details, got)
		}
		if lifetime := time.Until(got[0].Lifetime.Time); details && (got[0].SubscriptionState != "ACTIVE" || lifetime < 47*time.Hour || lifetime > 48*time.Hour) {
			t.Errorf("got %+v", got[0])
		}
	}
}

// TestListExceptions sees that both options narrow the list, which Python's client gets wrong.
func TestListExceptions(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	scope := testbed.Unique("life")
	must(t, c.SetConfigOption(ctx, "lifetime_model", "cutoff_date", "2099-12-31", nil))
	must(t, c.AddScope(ctx, "root", scope))
	must(t, c.AddDID(ctx, scope, "old", "DATASET", nil))
	must(t, c.SetMetadata(ctx, scope, "old", "eol_at", "2030-01-05", nil))
	expires := rucio.At(time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC))
	var ids []string
	for range 2 {
		asked, err := c.AddException(ctx, []rucio.DID{{Scope: scope, Name: "old"}, {Scope: scope, Name: "new"}}, "root", nil, "needed", &expires)
		if err != nil || len(asked.Exceptions) != 1 || len(asked.Unknown) != 1 || asked.Unknown[0].Name != "new" {
			t.Fatalf("got %+v, %v", asked, err)
		}
		for id := range asked.Exceptions {
			ids = append(ids, id)
		}
	}
	for _, c := range []*rucio.Client{c, c.Raw()} {
		found := 0
		for e, err := range c.ListExceptions(ctx, &rucio.ListExceptionsOptions{ExceptionID: ids[0], States: []string{"WAITING"}}) {
			must(t, err)
			if found++; !strings.Contains(string(e.JSON()), ids[0]) {
				t.Errorf("got %s", e.JSON())
			}
		}
		if found != 1 {
			t.Errorf("got %d rows of one exception", found)
		}
		for e := range c.ListExceptions(ctx, &rucio.ListExceptionsOptions{ExceptionID: ids[0], States: []string{"APPROVED", "REJECTED"}}) {
			t.Errorf("got %s, which nobody approved", e.JSON())
		}
	}
	one := all(t, c.ListExceptions(ctx, &rucio.ListExceptionsOptions{ExceptionID: ids[1]}))[0]
	if one.ID != ids[1] || one.Scope != scope || one.State != "WAITING" || !one.ExpiresAt.Equal(expires.Time) {
		t.Errorf("got %+v", one)
	}
}

func TestTypedExport(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	export, err := c.ExportData(ctx, &rucio.ExportDataOptions{Distance: new(false)})
	if err != nil {
		t.Fatal(err)
	}
	if rse := export.RSEs["POSIX1"]; rse.Type != "DISK" || rse.Attributes["tier"] != "0" || len(rse.Protocols) == 0 || export.Distances != nil {
		t.Errorf("got %+v, %v", rse, export.Distances)
	}
	export, err = c.ExportData(ctx, nil)
	if err != nil || *export.Distances["POSIX1"]["POSIX2"].Distance <= 0 {
		t.Errorf("got %+v, %v", export.Distances, err)
	}
}

func TestKeysOfMetadata(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	key := testbed.Unique("key")
	must(t, c.AddKey(ctx, key, "DATASET", &rucio.AddKeyOptions{ValueType: "int"}))
	must(t, c.AddValue(ctx, key, 5))
	if err := c.AddValue(ctx, key, "six"); !errors.Is(err, rucio.ErrInvalidValueForKey) {
		t.Errorf("got %v", err)
	}
	for want, err := range map[string]error{
		`del_value: NotImplementedError: no Rucio server can remove the value 5 of key "k"`: c.DelValue(ctx, "k", 5),
		`del_key: NotImplementedError: no Rucio server can remove key "k"`:                  c.DelKey(ctx, "k"),
		`update_key: NotImplementedError: no Rucio server can change key "k"`:               c.UpdateKey(ctx, "k", nil),
	} {
		if !errors.Is(err, rucio.ErrNotImplementedError) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestLocksByTheirValues(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	scope := testbed.Unique("lock")
	must(t, c.AddScope(ctx, "root", scope))
	must(t, c.AddDID(ctx, scope, "ds", "DATASET", nil))
	file := rucio.DID{Scope: scope, Name: "f", Extra: map[string]any{"bytes": 10, "adler32": "0cc737eb"}}
	must(t, c.AttachDIDs(ctx, scope, "ds", []rucio.DID{file}, &rucio.AttachDIDsOptions{RSE: "MOCK1"}))
	must(t, c.SetStatus(ctx, scope, "ds", map[string]any{"open": false}))
	ds := []rucio.DID{{Scope: scope, Name: "ds", Type: "dataset"}}
	_, err := c.AddReplicationRule(ctx, ds, 1, "MOCK1", &rucio.AddReplicationRuleOptions{Lifetime: new(3600)})
	must(t, err)
	for want, filters := range map[int][]map[string]any{
		1: {nil, {"rse": "MOCK1"}, {"bytes": 10, "length": 1.0, "state": "OK"}, {"nonsense": nil}},
		0: {{"rse": "MOCK2"}, {"bytes": 11}, {"bytes": "10"}, {"rse": "MOCK1", "nonsense": true}},
	} {
		for _, filter := range filters {
			if locks, err := c.GetLocksForDIDs(ctx, ds, filter); err != nil || len(locks) != want {
				t.Errorf("%v: got %d locks, %v, want %d", filter, len(locks), err, want)
			}
		}
	}
	lock := all(t, c.GetDatasetLocks(ctx, scope, "ds"))[0]
	if lock.RSE != "MOCK1" || lock.Account != "root" || *lock.Bytes != 10 || *lock.Length != 1 {
		t.Errorf("got %+v", lock)
	}
	_, err = c.GetLocksForDIDs(ctx, []rucio.DID{{Scope: scope, Name: "ds", Type: "DATASET"}}, nil)
	if want := "get_locks_for_dids: ValueError: " + scope + ":ds: type must be dataset or container, not DATASET"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

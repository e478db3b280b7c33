package rucio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// newRSE makes an RSE of the testbed's own kind: PFNs are scheme://host/p/scope/name, and there are no files.
func newRSE(t *testing.T, c *rucio.Client, scheme, impl string, settings map[string]any) (rse, prefix string) {
	t.Helper()
	ctx := t.Context()
	rse = testbed.Unique("SDK")
	domain := map[string]any{"read": 1, "write": 1, "delete": 1}
	wide := maps.Clone(domain)
	wide["third_party_copy_read"], wide["third_party_copy_write"] = 1, 1
	must(t, c.AddRSE(ctx, rse, settings))
	must(t, c.AddRSEAttribute(ctx, rse, "lfn2pfn_algorithm", "identity"))
	must(t, c.AddProtocol(ctx, rse, rucio.NewProtocol{
		Scheme: scheme, Hostname: strings.ToLower(rse) + ".example", Prefix: "/p/", Impl: "rucio.rse.protocols." + impl,
		Domains:            map[string]map[string]any{"wan": wide, "lan": domain},
		ExtendedAttributes: map[string]any{"web_service_path": "/srm?SFN="},
	}))
	return rse, scheme + "://" + strings.ToLower(rse) + ".example:0/p/"
}

func TestTypedRSE(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	a, _ := newRSE(t, c, "mock", "mock.Default", map[string]any{"latitude": 46.2, "city": "Genève", "ISP": "CERN", "availability_write": false})
	b, _ := newRSE(t, c, "mock", "mock.Default", nil)
	for rse, err := range c.ListRSEs(ctx, nil) {
		must(t, err)
		if rse.RSE == a && (*rse.Latitude != 46.2 || rse.City != "Genève" || rse.ISP != "CERN" || rse.AvailabilityWrite || rse.Availability != 5 ||
			time.Since(rse.CreatedAt.Time) > time.Hour) {
			t.Errorf("got %+v", rse)
		}
	}
	must(t, c.UpdateRSE(ctx, a, map[string]any{"qos_class": "SAFE"}))
	if rse, err := c.GetRSE(ctx, a); err != nil || rse.QoSClass != "SAFE" || len(rse.Protocols) != 1 || !*rse.VerifyChecksum {
		t.Errorf("got %+v, %v", rse, err)
	}
	attributes := map[string]any{}
	if o, err := c.ListRSEAttributes(ctx, a); err != nil || o.Decode(&attributes) != nil || attributes[a] != true || attributes["city"] != "Genève" {
		t.Errorf("got %v, %v", attributes, err)
	}
	must(t, c.AddQoSPolicy(ctx, a, "GOLD"))
	if policies, err := c.ListQoSPolicies(ctx, a); err != nil || !slices.Equal(policies, []string{"GOLD"}) {
		t.Errorf("got %v, %v", policies, err)
	}
	must(t, c.SetRSELimits(ctx, a, "MinFreeSpace", 9007199254740993))
	if limits, err := c.GetRSELimits(ctx, a); err != nil || limits["MinFreeSpace"] != 9007199254740993 {
		t.Errorf("got %v, %v", limits, err)
	}
	must(t, c.SetRSEUsage(ctx, a, "storage", 9007199254740993, 5, &rucio.SetRSEUsageOptions{Files: new(int64(7))}))
	usage := all(t, c.GetRSEUsage(ctx, a, &rucio.GetRSEUsageOptions{Filters: map[string]any{"source": "storage"}}))
	if len(usage) != 1 || *usage[0].Used != 9007199254740993 || *usage[0].Free != 5 || *usage[0].Files != 7 {
		t.Errorf("got %+v", usage)
	}
	perAccount := &rucio.GetRSEUsageOptions{Filters: map[string]any{"source": "rucio", "per_account": true}}
	for usage, err := range c.GetRSEUsage(ctx, "POSIX1", perAccount) { // there are shares once the abacus daemons have run
		must(t, err)
		for _, share := range usage.AccountUsages {
			if share.Account == "" || share.Used == 0 {
				t.Errorf("got %+v", share)
			}
		}
	}
	must(t, c.AddDistance(ctx, a, b, map[string]any{"distance": 3}, &rucio.AddDistanceOptions{Bidirectional: true}))
	if d, err := c.GetDistance(ctx, b, a); err != nil || len(d) != 1 || *d[0].Distance != 3 || d[0].SourceRSE != b || d[0].DestRSE != a || len(d[0].JSON()) == 0 {
		t.Errorf("got %+v, %v", d, err)
	}
	must(t, c.DeleteRSE(ctx, a))
	must(t, c.DeleteRSE(ctx, b))
}

// TestProtocols sees what Python's client gets wrong: port 0, and more names than fit one address.
func TestProtocols(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	rse, prefix := newRSE(t, c, "mock", "mock.Default", nil)
	host := strings.ToLower(rse) + ".example"
	second := rucio.NewProtocol{Scheme: "root", Hostname: host, Port: 1094, Impl: "x", Domains: map[string]map[string]any{"wan": {"read": 5}}}
	must(t, c.AddProtocol(ctx, rse, second))
	if swapped, err := c.SwapProtocols(ctx, rse, "wan", "read", "mock", "root"); err != nil || !swapped {
		t.Errorf("got %v, %v", swapped, err)
	}
	must(t, c.UpdateProtocols(ctx, rse, "mock", map[string]any{"prefix": "/new/"}, &rucio.UpdateProtocolsOptions{Hostname: host, Port: new(0)}))
	for _, o := range []*rucio.GetProtocolsOptions{nil, {Scheme: "mock"}} {
		got, err := c.GetProtocols(ctx, rse, o)
		if err != nil || len(got.Protocols) != 2 || got.Protocols[0].Prefix != "/new/" || got.Protocols[0].Domains["wan"]["read"] != 5. ||
			got.Protocols[1].Port != 1094 || got.Protocols[1].Domains["wan"]["read"] != 1. {
			t.Fatalf("got %+v, %v", got, err)
		}
		if hasRSE := got.RSE != nil && got.RSE.RSE == rse && len(got.RSE.JSON()) > 0; hasRSE != (o != nil) {
			t.Errorf("got %+v", got.RSE)
		}
	}
	prefix = strings.Replace(prefix, "/p/", "/new/", 1)
	lfns := make([]string, 500)
	for i := range lfns {
		lfns[i] = fmt.Sprintf("scope:a rather long name/of file number+%d", i)
	}
	pfns, err := c.LFNs2PFNs(ctx, rse, lfns, nil)
	if err != nil || len(pfns) != len(lfns) || pfns[lfns[499]] != prefix+"scope/a rather long name/of file number+499" {
		t.Errorf("got %d PFNs, %q, %v", len(pfns), pfns[lfns[499]], err)
	}
	port := second
	port.Scheme, port.Port = "mock", 17
	must(t, c.AddProtocol(ctx, rse, port))
	must(t, c.DeleteProtocols(ctx, rse, "mock", &rucio.DeleteProtocolsOptions{Hostname: host, Port: new(0)}))
	if got, err := c.GetProtocols(ctx, rse, nil); err != nil || len(got.Protocols) != 2 || got.Protocols[0].Port != 17 {
		t.Errorf("got %+v, %v", got, err)
	}
	must(t, c.DeleteRSE(ctx, rse))
}

func TestTypedReplicas(t *testing.T) {
	c, ctx := testclient.New(t, nil), t.Context()
	scope := testbed.Unique("sdk")
	must(t, c.AddScope(ctx, "root", scope))
	rse, _ := newRSE(t, c, "srm", "mock.Default", nil)
	pfn := "srm://" + strings.ToLower(rse) + ".example/p/" + scope + "/f"
	must(t, c.AddReplica(ctx, rse, scope, "f", 9007199254740993, "0cc737eb", &rucio.AddReplicaOptions{Meta: map[string]any{"events": 3}}))
	must(t, c.AddDID(ctx, scope, "ds", "DATASET", nil))
	must(t, c.AttachDIDs(ctx, scope, "ds", []rucio.DID{{Scope: scope, Name: "f"}}, nil))
	deep := all(t, c.ListDatasetReplicas(ctx, scope, "ds", &rucio.ListDatasetReplicasOptions{Deep: true}))
	if len(deep) != 1 || deep[0].RSE != rse || *deep[0].Bytes != 9007199254740993 || *deep[0].AvailableLength != 1 || deep[0].State != "AVAILABLE" {
		t.Errorf("got %+v", deep)
	}
	dids := all(t, c.GetDIDFromPFNs(ctx, []string{pfn}, &rucio.GetDIDFromPFNsOptions{RSE: rse}))
	if len(dids) != 1 || dids[0].PFN != pfn || dids[0].DID.String() != scope+":f" {
		t.Errorf("got %+v", dids)
	}
	if undeclared, err := c.DeclareSuspiciousFileReplicas(ctx, []string{pfn, pfn + "2"}, "test"); err != nil || len(undeclared[rse]) != 1 {
		t.Errorf("got %v, %v", undeclared, err)
	}
	since := &rucio.ListSuspiciousReplicasOptions{RSEExpression: rse, YoungerThan: rucio.At(time.Now().Add(-time.Hour))}
	if rows := all(t, c.ListSuspiciousReplicas(ctx, since)); len(rows) != 1 || rows[0].Name != "f" || rows[0].Count != 1 {
		t.Errorf("got %+v", rows)
	}
	expires := rucio.At(time.Now().Add(time.Hour))
	must(t, c.AddBadPFNs(ctx, []string{pfn}, "test", "TEMPORARY_UNAVAILABLE", &expires))
	must(t, c.AddBadPFNs(ctx, []string{pfn}, "test", "SUSPICIOUS", nil))
	if undeclared, err := c.DeclareBadDIDReplicas(ctx, rse, []rucio.DID{{Scope: scope, Name: "f"}, {Scope: scope, Name: "g"}}, "test"); err != nil || len(undeclared) != 1 {
		t.Errorf("got %v, %v", undeclared, err)
	}
	again := []rucio.ReplicaName{{PFN: pfn}}
	if undeclared, err := c.DeclareBadFileReplicas(ctx, again, "test", nil); err != nil || len(undeclared[rse]) != 1 {
		t.Errorf("got %v, %v", undeclared, err)
	}
	must(t, c.QuarantineReplicas(ctx, []rucio.QuarantinedReplica{{Path: "/p/lost", Scope: scope, Name: "lost"}}, &rucio.QuarantineReplicasOptions{RSE: rse}))
	must(t, c.SetTombstone(ctx, []rucio.ReplicaName{{RSE: rse, Scope: scope, Name: "f"}}))
	must(t, c.UpdateReplicasStates(ctx, rse, []rucio.DID{{Scope: scope, Name: "f", Extra: map[string]any{"state": "A"}}}))
}

// TestManyReplicas sees that long lists go in several requests, and that their answers become one.
func TestManyReplicas(t *testing.T) {
	requests := 0
	c := testclient.New(t, func(o *rucio.Options) {
		o.Trace = func(rucio.RequestTrace) { requests++ }
	})
	ctx := t.Context()
	rse, _ := newRSE(t, c, "mock", "mock.Default", nil)
	unknown, quarantined := make([]rucio.ReplicaName, 2001), make([]rucio.QuarantinedReplica, 2001)
	for i := range unknown {
		unknown[i] = rucio.ReplicaName{Scope: "test", Name: fmt.Sprint("never", i), RSE: rse}
		quarantined[i] = rucio.QuarantinedReplica{Path: fmt.Sprint("/p/never", i)}
	}
	requests = 0
	if undeclared, err := c.DeclareBadFileReplicas(ctx, unknown, "test", nil); err != nil || len(undeclared[rse]) != 2001 || requests != 3 {
		t.Errorf("got %d replicas in %d requests, %v", len(undeclared[rse]), requests, err)
	}
	if testbed.Require(t).Vars["TESTBED_DB"] == "sqlite" {
		quarantined = quarantined[:1] // it refuses the server's query for a thousand
	}
	requests = 0
	if err := c.QuarantineReplicas(ctx, quarantined, &rucio.QuarantineReplicasOptions{RSE: rse}); err != nil || requests != (len(quarantined)+999)/1000 {
		t.Errorf("%d requests for %d replicas, %v", requests, len(quarantined), err)
	}
	must(t, c.DeleteRSE(ctx, rse))
}

func TestTypedRequests(t *testing.T) {
	env := testbed.Require(t)
	c, ctx := testclient.New(t, nil), t.Context()
	scope := testbed.Unique("sdk")
	must(t, c.AddScope(ctx, "root", scope))
	source, _ := newRSE(t, c, "file", "posix.Default", nil) // has no files, so transfers fail
	dest, _ := newRSE(t, c, "file", "posix.Default", nil)
	must(t, c.AddDistance(ctx, source, dest, map[string]any{"distance": 1}, nil))
	must(t, c.AddReplica(ctx, source, scope, "d/f", 9007199254740993, "0cc737eb", nil))
	rules, err := c.AddReplicationRule(ctx, []rucio.DID{{Scope: scope, Name: "d/f"}}, 1, dest, &rucio.AddReplicationRuleOptions{Lifetime: new(600)})
	must(t, err)
	check := func(r *rucio.TransferRequest, err error) {
		t.Helper()
		if err != nil || r.Name != "d/f" || r.Scope != scope || r.DestRSE != dest || *r.Bytes != 9007199254740993 || r.Type != "TRANSFER" ||
			r.RuleID != rules[0] || r.Account != "root" || r.State == "" || r.CreatedAt.IsZero() || !json.Valid(r.Attributes) {
			t.Errorf("got %+v, %v", r, err)
		}
	}
	check(c.ListRequestByDID(ctx, "d/f", dest, &rucio.ListRequestByDIDOptions{Scope: scope}))
	env.Daemons(t, "conveyor-submitter", "conveyor-poller", "conveyor-finisher")
	check(c.ListRequestHistoryByDID(ctx, "d/f", dest, &rucio.ListRequestHistoryByDIDOptions{Scope: scope}))
	history := all(t, c.ListRequestsHistory(ctx, source, dest, rucio.RequestStates{"D", "F"}, nil))
	if len(history) == 0 || history[0].SourceRSE != source || history[0].State != "FAILED" || history[0].TransferTool != "mock" || history[0].SubmittedAt.IsZero() {
		t.Errorf("got %+v", history)
	}
	for r, err := range c.ListRequests(ctx, source, dest, rucio.RequestStates{"Q", "G", "S", "F"}) {
		check(r, err)
	}

	must(t, c.SetTransferLimit(ctx, source, &rucio.SetTransferLimitOptions{Direction: "SOURCE", Volume: new(int64(9007199254740993))}))
	limits := slices.DeleteFunc(all(t, c.ListTransferLimits(ctx)), func(l *rucio.TransferLimit) bool { return l.RSEExpression != source })
	if len(limits) != 1 || limits[0].Direction != "SOURCE" || *limits[0].Volume != 9007199254740993 || limits[0].Activity != "all_activities" {
		t.Errorf("got %+v", limits)
	}
	must(t, c.DeleteTransferLimit(ctx, source, &rucio.DeleteTransferLimitOptions{Direction: "SOURCE"}))
}

// TestRefusedArguments are calls of which nothing is sent; Python's client fails with classes of its own accidents.
func TestRefusedArguments(t *testing.T) {
	c, err := rucio.New(rucio.Options{Hosts: []string{"http://127.0.0.1:1"}})
	must(t, err)
	ctx := t.Context()
	_, noScope := c.ListRequestByDID(ctx, "f", "MOCK1", nil)
	_, noScopeBefore := c.ListRequestHistoryByDID(ctx, "f", "MOCK1", nil)
	for want, err := range map[string]error{
		"list_request_by_did: ValueError: the scope is missing":                                      noScope,
		"list_request_history_by_did: ValueError: the scope is missing":                              noScopeBefore,
		`set_transfer_limit: ValueError: direction "up" is neither SOURCE nor DESTINATION`:           c.SetTransferLimit(ctx, "MOCK1", &rucio.SetTransferLimitOptions{Direction: "up"}),
		`delete_transfer_limit: ValueError: direction "up" is neither SOURCE nor DESTINATION`:        c.DeleteTransferLimit(ctx, "MOCK1", &rucio.DeleteTransferLimitOptions{Direction: "up"}),
		"add_protocol: KeyError: the protocol has no scheme":                                         c.AddProtocol(ctx, "MOCK1", rucio.NewProtocol{}),
		"quarantine_replicas: ValueError: either RSE name or RSE id must be specified, but not both": c.QuarantineReplicas(ctx, nil, nil),
	} {
		if err == nil || err.Error() != want || errors.Is(err, rucio.ErrServerConnectionException) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

package rucio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// An RSE expression chooses storage by name and attributes.
func ExampleClient_ListRSEs() {
	ctx := context.Background()
	c, _ := connect()
	for rse, err := range c.ListRSEs(ctx, &rucio.ListRSEsOptions{RSEExpression: "POSIX1|POSIX2"}) {
		check(err)
		fmt.Println(rse.RSE)
	}
	// Unordered output:
	// POSIX1
	// POSIX2
}

// Replicas are where a file is, with the addresses of each.
func ExampleClient_ListReplicas() {
	ctx := context.Background()
	c, _ := connect()
	for replica, err := range c.ListReplicas(ctx, []rucio.DID{{Scope: "test", Name: "seed_file_000"}}, &rucio.ListReplicasOptions{RSEExpression: "POSIX1"}) {
		check(err)
		fmt.Println(replica.Name, *replica.Bytes, replica.States["POSIX1"], len(replica.PFNs))
	}
	// Output:
	// seed_file_000 23000 AVAILABLE 1
}

// A rule asks for copies, and is watched until it is OK.
func ExampleClient_AddReplicationRule() {
	ctx := context.Background()
	c, unique := connect()
	name := unique("ds")
	check(c.AddDataset(ctx, "test", name, nil))
	ids, err := c.AddReplicationRule(ctx, []rucio.DID{{Scope: "test", Name: name}}, 1, "MOCK1", &rucio.AddReplicationRuleOptions{Lifetime: new(3600)})
	check(err)
	rule, err := c.GetReplicationRule(ctx, ids[0])
	check(err)
	fmt.Println(rule.RSEExpression, rule.Copies, rule.State) // there is nothing to copy
	check(c.DeleteReplicationRule(ctx, ids[0], nil))
	// Output:
	// MOCK1 1 OK
}

// Locks tell which rules keep a dataset where.
func ExampleClient_GetDatasetLocks() {
	ctx := context.Background()
	c, _ := connect()
	var where []string
	for lock, err := range c.GetDatasetLocks(ctx, "test", "ds.seed.1") {
		check(err)
		where = append(where, lock.RSE)
	}
	fmt.Println(slices.Contains(where, "POSIX1"))
	// Output:
	// true
}

// Requests are the transfers that rules have caused.
func ExampleClient_ListRequests() {
	ctx := context.Background()
	c, _ := connect()
	for request, err := range c.ListRequests(ctx, "MOCK1", "MOCK2", rucio.RequestStates{"Q"}) {
		check(err)
		fmt.Println(request.Name)
	}
	fmt.Println("no more")
	// Output:
	// no more
}

// A server signs addresses of clouds whose keys it has.
func ExampleClient_GetSignedURL() {
	ctx := context.Background()
	c, _ := connect()
	_, err := c.GetSignedURL(ctx, "POSIX1", "gcs", "read", "https://storage.example/bucket/file", nil)
	fmt.Println(errors.Is(err, rucio.ErrRucioException)) // this one has none
	// Output:
	// true
}

// What one server exports, another imports.
func ExampleClient_ExportData() {
	ctx := context.Background()
	c, _ := connect()
	export, err := c.ExportData(ctx, nil)
	check(err)
	fmt.Println(export.RSEs["POSIX1"].Type)
	// Output:
	// DISK
}

// RSEs are made, and changed, to be as a document says.
func ExampleClient_ImportData() {
	ctx := context.Background()
	c, unique := connect()
	name := unique("EXAMPLE")
	_, err := c.ImportData(ctx, map[string]any{"rses": map[string]any{name: map[string]any{"rse_type": "TAPE"}}})
	check(err)
	rse, err := c.GetRSE(ctx, name)
	check(err)
	fmt.Println(rse.Type)
	check(c.DeleteRSE(ctx, name))
	// Output:
	// TAPE
}

package rucio_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// A dataset is made, gets files, and is looked into.
func ExampleClient_AddDataset() {
	ctx := context.Background()
	c, unique := connect()
	name := unique("ds")
	check(c.AddDataset(ctx, "test", name, &rucio.AddDatasetOptions{Meta: map[string]any{"project": "data25"}}))
	check(c.AttachDIDs(ctx, "test", name, []rucio.DID{{Scope: "test", Name: "seed_file_000"}, {Scope: "test", Name: "seed_file_001"}}, nil))

	var total int64
	for file, err := range c.ListFiles(ctx, "test", name, nil) {
		check(err)
		total += *file.Bytes
	}
	fmt.Println(total, "bytes")
	// Output:
	// 46023 bytes
}

// Filters find DIDs by name and metadata.
func ExampleClient_ListDIDs() {
	ctx := context.Background()
	c, _ := connect()
	for found, err := range c.ListDIDs(ctx, "test", rucio.Filters{{"name": "ds.seed.*"}}, &rucio.ListDIDsOptions{DIDType: "dataset"}) {
		check(err)
		fmt.Println(found.Name)
	}
	// Unordered output:
	// ds.seed.1
	// ds.seed.2
}

// Errors are compared with Rucio's exceptions, or with a family of them.
func ExampleClient_GetDID() {
	ctx := context.Background()
	c, _ := connect()
	did, err := c.GetDID(ctx, "test", "ds.seed.1", nil)
	check(err)
	fmt.Println(did.Type, did.Account)

	_, err = c.GetDID(ctx, "test", "missing", nil)
	var failed *rucio.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Class, failed.Status, errors.Is(err, rucio.ErrNotFound))
	}
	// Output:
	// DATASET root
	// DataIdentifierNotFound 404 true
}

// Names of DIRAC begin with a scope, which must be there; their path becomes a dataset and its containers.
func ExampleClient_AddFiles() {
	ctx := context.Background()
	c, unique := connect()
	err := c.AddFiles(ctx, []rucio.DiracFile{{LFN: unique("vo") + ".x/container/dataset/file", RSE: "MOCK1", Bytes: 10, Adler32: "0cc737eb"}}, nil)
	fmt.Println(errors.Is(err, rucio.ErrScopeNotFound))
	// Output:
	// true
}

// Keys say which metadata DIDs may have.
func ExampleClient_AddKey() {
	ctx := context.Background()
	c, unique := connect()
	key := unique("quality")
	check(c.AddKey(ctx, key, "ALL", nil))
	check(c.AddValue(ctx, key, "good"))
	values, err := c.ListValues(ctx, key)
	check(err)
	fmt.Println(values)
	// Output:
	// [good]
}

// A dataset is open data from the moment when it is registered as such.
func ExampleClient_AddOpenDataDID() {
	ctx := context.Background()
	c, unique := connect()
	name := unique("open")
	check(c.AddDataset(ctx, "test", name, nil))
	check(c.AddOpenDataDID(ctx, "test", name))
	did, err := c.GetOpenDataDID(ctx, "test", name, nil)
	check(err)
	fmt.Println(did.State)
	check(c.RemoveOpenDataDID(ctx, "test", name))
	// Output:
	// DRAFT
}

// A touch tells the server that a DID was used.
func ExampleClient_Touch() {
	ctx := context.Background()
	c, _ := connect()
	check(c.Touch(ctx, "test", "ds.seed.1", nil))
	fmt.Println("touched")
	// Output:
	// touched
}

// Datasets that a cut-off date would delete are asked to be kept.
func ExampleClient_AddException() {
	ctx := context.Background()
	c, unique := connect()
	check(c.SetConfigOption(ctx, "lifetime_model", "cutoff_date", "2099-12-31", nil)) // until which the server takes requests
	name := unique("nothing")
	expires := rucio.At(time.Now().AddDate(1, 0, 0))
	asked, err := c.AddException(ctx, []rucio.DID{{Scope: "test", Name: name}}, "root", nil, "needed for a publication", &expires)
	check(err)
	fmt.Println(len(asked.Unknown), asked.Unknown[0].Name == name) // there is no such dataset
	// Output:
	// 1 true
}

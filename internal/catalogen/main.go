// Command catalogen writes the catalog of Rucio's methods from the Go source that implements them: every function with a
// //rucio:method directive becomes a row of catalog.Methods. It runs in the folder of package catalog:
//
//	go generate ./rucio/catalog          # writes catalog_gen.go
//	go run ../../internal/catalogen -check   # fails when catalog_gen.go is stale
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
)

// output is the generated file, in the folder the command runs in.
const output = "catalog_gen.go"

// sources are the packages to read, below the module's path, and where they are. A folder that does not exist is left out.
var sources = []source{
	{dir: "..", path: "rucio"},
	{dir: "../transfer", path: "rucio/transfer"},
}

func main() {
	check := flag.Bool("check", false, "write nothing; fail when the file is stale")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "catalogen:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	var methods []*method
	for _, s := range sources {
		found, err := s.methods()
		if err != nil {
			return err
		}
		methods = append(methods, found...)
	}
	slices.SortFunc(methods, func(a, b *method) int { return cmp.Compare(a.Name, b.Name) })
	code, err := render(methods)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(output, code, 0o644)
	}
	have, err := os.ReadFile(output)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, code) {
		return errors.New("rucio/catalog/" + output + " is stale: run go generate ./rucio/catalog and commit it")
	}
	return nil
}

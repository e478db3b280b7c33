// Command catalogen writes the catalog of Rucio's methods from the Go source that implements them: every function with a
// //rucio:method directive becomes a row of catalog.Methods.
//
//	go generate ./rucio/catalog          # writes rucio/catalog/catalog_gen.go
//	go run ./internal/catalogen -check   # fails when it is stale
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// output is the generated file, below the module's root.
const output = "rucio/catalog/catalog_gen.go"

// sources are the packages to read, below the module's root. A folder that does not exist is left out.
var sources = []source{{path: "rucio"}, {path: "rucio/transfer"}}

func main() {
	check := flag.Bool("check", false, "write nothing; fail when the file is stale")
	flag.Parse()
	root, err := moduleRoot()
	if err == nil {
		err = run(root, *check)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "catalogen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	code, err := generate(root)
	if err != nil {
		return err
	}
	file := filepath.Join(root, output)
	if !check {
		return os.WriteFile(file, code, 0o644)
	}
	have, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, code) {
		return errors.New(output + " is stale: run `go generate ./rucio/catalog` and commit it")
	}
	return nil
}

// generate returns the code of the catalog.
func generate(root string) ([]byte, error) {
	var methods []*method
	for i := range sources {
		found, err := sources[i].methods(root)
		if err != nil {
			return nil, err
		}
		methods = append(methods, found...)
	}
	slices.SortFunc(methods, func(a, b *method) int { return cmp.Compare(a.Name, b.Name) })
	for i := 1; i < len(methods); i++ {
		if methods[i].Name == methods[i-1].Name {
			return nil, fmt.Errorf("%s is implemented twice: %s and %s", methods[i].Name, methods[i-1].Go, methods[i].Go)
		}
	}
	inPythonsWords(methods)
	return render(methods)
}

// moduleRoot finds the folder of go.mod, here or above.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod here or above")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

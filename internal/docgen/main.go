// Command docgen writes the reference of Rucio's methods and of the Lua modules, from the same tables that make them, and
// the table of what was compared with Python's client.
//
//	go generate ./internal/docgen        # writes docs/reference
//	go run ./internal/docgen -check      # fails when it is stale
package main

//go:generate go run .

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// folder is where the reference is, below the module's root.
const folder = "docs/reference"

func main() {
	check := flag.Bool("check", false, "write nothing; fail when a file is stale")
	flag.Parse()
	root, err := moduleRoot()
	if err == nil {
		err = run(root, filepath.Join(root, folder), *check)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1)
	}
}

func run(root, folder string, check bool) error {
	methods, err := methodsPage()
	if err != nil {
		return err
	}
	differential, err := differentialPage(filepath.Join(root, "rucio", "catalog", "testdata"))
	if err != nil {
		return err
	}
	for _, page := range []struct {
		name string
		text []byte
	}{{"methods.md", methods}, {"lua.md", luaPage()}, {"differential.md", differential}} {
		file := filepath.Join(folder, page.name)
		if !check {
			if err := os.WriteFile(file, page.text, 0o644); err != nil {
				return err
			}
			continue
		}
		have, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !bytes.Equal(have, page.text) {
			return fmt.Errorf("%s is stale: run `go generate ./internal/docgen` and commit it", page.name)
		}
	}
	return nil
}

// moduleRoot is the folder with go.mod, here or above.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod here or above")
		}
	}
}

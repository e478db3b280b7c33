package bind

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// streamMethod is a method whose result is a stream of n rows.
func streamMethod(name string, n int) catalog.Method {
	return catalog.Method{Name: name, Returns: catalog.Stream, Call: func(context.Context, *rucio.Client, catalog.Args) (catalog.Result, error) {
		return catalog.Result{Rows: func(yield func(json.RawMessage, error) bool) {
			buffer := make([]byte, 0, 100) // used again, as package rucio does
			for i := range n {
				buffer = fmt.Appendf(buffer[:0], `{"n": %d}`, i+1)
				if !yield(buffer, nil) {
					return
				}
			}
		}}, nil
	}}
}

// vmLoad compiles a chunk and returns how to run it.
func vmLoad(b *lab, name, chunk string) (func() error, error) {
	v := vm.Of(b.L)
	fn, err := v.Load(name, chunk)
	return func() error {
		_, err := v.Call(context.Background(), fn)
		return err
	}, err
}

package rucio_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// demoServer stands for a Rucio server in the examples.
func demoServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("expression") == "country=UK":
			w.Header().Set("Content-Type", "application/x-json-stream")
			fmt.Fprint(w, "{\"rse\": \"RAL\", \"rse_type\": \"DISK\", \"city\": \"Didcot\"}\n{\"rse\": \"QMUL\", \"rse_type\": \"DISK\"}\n")
		default:
			w.Header().Set("ExceptionClass", "DataIdentifierNotFound")
			w.Header().Set("ExceptionMessage", "Data identifier 'test:missing' not found")
			w.WriteHeader(http.StatusNotFound)
		}
	}))
}

func Example() {
	server := demoServer()
	defer server.Close()
	c, err := rucio.New(rucio.Options{Hosts: []string{server.URL}, Account: "jdoe"})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for rse, err := range c.ListRSEs(ctx, &rucio.ListRSEsOptions{RSEExpression: "country=UK"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rse.RSE, rse.Type)
	}
	_, err = c.GetDID(ctx, "test", "missing", nil)
	fmt.Println(errors.Is(err, rucio.ErrDataIdentifierNotFound), errors.Is(err, rucio.ErrNotFound))
	// Output:
	// RAL DISK
	// QMUL DISK
	// true true
}

func ExampleClient_Raw() {
	server := demoServer()
	defer server.Close()
	c, err := rucio.New(rucio.Options{Hosts: []string{server.URL}, Account: "jdoe"})
	if err != nil {
		log.Fatal(err)
	}
	for rse, err := range c.Raw().ListRSEs(context.Background(), &rucio.ListRSEsOptions{RSEExpression: "country=UK"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", rse.JSON())
	}
	// Output:
	// {"rse": "RAL", "rse_type": "DISK", "city": "Didcot"}
	// {"rse": "QMUL", "rse_type": "DISK"}
}

package rucio_test

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// TestMain leaves the examples of methods out where there is no testbed, as tests leave themselves out.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := testbed.Find(context.Background()); err != nil && !testbed.Required() {
		skip := "^ExampleClient_"
		if asked := flag.Lookup("test.skip").Value.String(); asked != "" {
			skip += "|" + asked
		}
		if err := flag.Set("test.skip", skip); err != nil {
			log.Fatal(err)
		}
		fmt.Fprintln(os.Stderr, "examples are left out:", err)
	}
	os.Exit(m.Run())
}

// connect returns a client of the testbed's Rucio, logged in as its root account, and names that nobody else uses.
func connect() (c *rucio.Client, unique func(prefix string) string) {
	env, err := testbed.Find(context.Background())
	check(err)
	c, err = rucio.New(rucio.Options{
		Hosts: []string{env.HTTPURL}, Account: env.Account,
		Credentials: &testclient.Userpass{Host: env.HTTPURL, Account: env.Account, Username: env.Username, Password: env.Password},
	})
	check(err)
	return c, testbed.Unique
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

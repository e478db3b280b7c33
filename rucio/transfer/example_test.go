package transfer_test

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// TestMain leaves the example out where there is no testbed, as tests leave themselves out.
func TestMain(m *testing.M) {
	flag.Parse()
	if _, err := testbed.Find(context.Background()); err != nil && !testbed.Required() {
		skip := "^Example$"
		if asked := flag.Lookup("test.skip").Value.String(); asked != "" {
			skip += "|" + asked
		}
		if err := flag.Set("test.skip", skip); err != nil {
			log.Fatal(err)
		}
		fmt.Fprintln(os.Stderr, "the example is left out:", err)
	}
	os.Exit(m.Run())
}

// A client carries what its transfers share. Items have the keys of Python's clients.
func Example() {
	env, err := testbed.Find(context.Background())
	check(err)
	mover := transfer.NewMover(transfer.Setup{})
	defer mover.Close()
	c, err := rucio.New(rucio.Options{
		Hosts: []string{env.HTTPURL}, Account: env.Account, Transfers: mover,
		Credentials: &testclient.Userpass{Host: env.HTTPURL, Account: env.Account, Username: env.Username, Password: env.Password},
	})
	check(err)
	ctx := context.Background()

	dir, err := os.MkdirTemp("", "example-")
	check(err)
	defer os.RemoveAll(dir)
	name := testbed.Unique("example")
	path := filepath.Join(dir, name)
	check(os.WriteFile(path, []byte("hello\n"), 0o600))

	_, err = transfer.Upload(ctx, c, []transfer.Item{{"path": path, "rse": "POSIX1", "did_scope": "test", "lifetime": 600}}, nil)
	check(err)
	files, err := transfer.DownloadDIDs(ctx, c, []transfer.Item{{"did": "test:" + name, "base_dir": filepath.Join(dir, "new")}}, nil)
	check(err)
	for _, file := range files {
		fmt.Println(file["clientState"], file["bytes"], "bytes, adler32", file["adler32"])
	}
	// Output: DONE 6 bytes, adler32 084b021f
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

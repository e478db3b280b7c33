package xrd

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// BenchmarkUpload and BenchmarkDownload move 2 GiB (1/8 of it with -short), beside the installed xrdcp with and without page
// checksums. On a quiet machine: go test -bench . -benchtime 3x -run '^$'.
func BenchmarkUpload(b *testing.B)   { benchmark(b, true) }
func BenchmarkDownload(b *testing.B) { benchmark(b, false) }

func benchmark(b *testing.B, up bool) {
	base := testbed.RequireService(b, "xrootd")["TESTBED_XROOTD_URL"] + "/" + testbed.Unique("bench-")
	size := int64(2 << 30)
	if testing.Short() {
		size >>= 3
	}
	local := filepath.Join(b.TempDir(), "file")
	if err := exec.Command("sh", "-c", "openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c $0 > $1", //nolint:gosec // our own
		strconv.FormatInt(size, 10), local).Run(); err != nil {
		b.Fatal(err)
	}
	plain := New(Options{})
	defer plain.Close()
	b.Cleanup(func() {
		c := New(Options{})
		defer c.Close()
		_ = c.Remove(context.Background(), base+"/file")
		_ = c.Remove(context.Background(), base)
	})
	put := func(c *Client) error {
		f, err := os.Open(local)
		if err != nil {
			return err
		}
		defer f.Close()
		return c.Put(b.Context(), base+"/file", f, size, true)
	}
	if err := put(plain); err != nil {
		b.Fatal(err)
	}
	get := func(c *Client) error {
		r, err := c.Get(b.Context(), base+"/file", 0, -1)
		if err != nil {
			return err
		}
		defer r.Close()
		f, err := os.Create(local + ".back")
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(f, r)
		return err
	}
	for _, pages := range []bool{false, true} {
		c := New(Options{Pages: pages})
		defer c.Close()
		work, name := put, "plain"
		if !up {
			work = get
		}
		if pages {
			name = "pages"
		}
		b.Run(name, func(b *testing.B) { repeat(b, size, func() error { return work(c) }) })
	}
	for _, pages := range []string{"0", "1"} {
		b.Run("xrdcp-pages="+pages, func(b *testing.B) {
			repeat(b, size, func() error {
				from, to := local, base+"/file"
				if !up {
					from, to = to, local+".back"
				}
				cmd := exec.CommandContext(b.Context(), "xrdcp", "-f", "-s", from, to) //nolint:gosec // our own
				cmd.Env = append(os.Environ(), "XRD_CPUSEPGWRTRD="+pages)
				return cmd.Run()
			})
		})
	}
}

func repeat(b *testing.B, size int64, work func() error) {
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if err := work(); err != nil {
			b.Fatal(err)
		}
	}
}

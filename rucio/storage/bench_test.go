package storage_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// BenchmarkCopy moves 2 GiB (1/8 of it with -short) from a disk to each storage and back. On a quiet machine, and with a TMPDIR
// in memory: go test ./rucio/storage -run '^$' -bench Copy -benchtime 3x. `make bench` has it beside other programs.
func BenchmarkCopy(b *testing.B) {
	size := int64(2 << 30)
	if testing.Short() {
		size >>= 3
	}
	folder := b.TempDir()
	local := filepath.Join(folder, "file")
	if err := exec.Command("sh", "-c", "openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c $0 > $1", //nolint:gosec // our own
		strconv.FormatInt(size, 10), local).Run(); err != nil {
		b.Fatal(err)
	}
	env := testbed.Require(b)
	dav, s3, xrootd := env.RequireService(b, "webdav"), env.RequireService(b, "s3"), env.RequireService(b, "xrootd")
	options := storage.Options{TLS: trust(b, env, env.UserCert, env.UserKey), S3: func(string) (storage.S3Keys, error) {
		return storage.S3Keys{Access: s3["TESTBED_S3_ACCESS_KEY"], Secret: rucio.Secret(s3["TESTBED_S3_SECRET_KEY"])}, nil
	}}
	for name, there := range map[string]string{
		"file": "file://" + folder + "/copy", "davs": dav["TESTBED_WEBDAV_URL"] + "/" + testbed.Unique("bench-"),
		"s3": s3["TESTBED_S3_URL"] + "/" + testbed.Unique("bench-"), "root": xrootd["TESTBED_XROOTD_URL"] + "/" + testbed.Unique("bench-"),
	} {
		from, to := open(b, "file", options), open(b, there, options)
		move := func(b *testing.B, from storage.Backend, source string, to storage.Backend, target string) {
			b.SetBytes(size)
			for b.Loop() {
				if _, err := storage.Copy(b.Context(), from, source, to, target, storage.CopyOptions{Overwrite: true}); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run("put/"+name, func(b *testing.B) { move(b, from, "file://"+local, to, there) })
		b.Run("get/"+name, func(b *testing.B) { move(b, to, there, from, "file://"+local+".back") })
		_ = os.Remove(local + ".back")
		_ = to.Delete(b.Context(), there)
	}
}

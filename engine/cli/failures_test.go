package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// What a storage refuses is told with what lets one in there, whether it is of an upload, in Rucio's words, or of a command of its own.
func TestWhatStoragesRefuse(t *testing.T) {
	for _, c := range []struct {
		pfn, says string
		kind      storage.Kind
		code      fail.Code
		hint      string
	}{
		{"davs://h/x", "403", storage.Denied, fail.Auth, "a storage takes a certificate or proxy"},
		{"s3://h/b/x", "403", storage.Denied, fail.Auth, "the keys are those of rse-accounts.cfg, or AWS_ACCESS_KEY_ID"},
		{"root://h//x", "it takes gsi; we have unix; for others (gsi) choose xrdcp", storage.Denied, fail.Auth, "--xrdcp, or RUCIO_TASK_MANAGER_XRDCP=true"},
		{"root://h//x", "it takes ztn; we have unix; for others (gsi) choose xrdcp", storage.Denied, fail.Auth, "a storage takes a certificate or proxy"},
		{"file:///x", "permission denied", storage.Denied, fail.Task, ""},
		{"davs://h/x", "connection refused", storage.Unavailable, fail.Unavailable, ""},
		{"davs://h/x", "404", storage.NotFound, fail.Task, ""},
	} {
		stored := &storage.Error{Op: "put", PFN: c.pfn, Kind: c.kind, Err: errors.New(c.says)}
		for _, err := range []error{stored, &rucio.Error{Class: "RSEAccessDenied", Method: "upload", Message: stored.Error(), Err: stored}} {
			err = classify(err)
			if hint := fail.HintOf(err); fail.CodeOf(err) != c.code || !strings.HasPrefix(hint, c.hint) || c.hint == "" && hint != "" {
				t.Errorf("%v: exit code %d, hint %q; want %d, %q", err, fail.CodeOf(err), hint, c.code, c.hint)
			}
		}
	}
}

package transfer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

func itoa(n int) string { return strconv.Itoa(n) }

// newUUID returns a random UUID (version 4) as Rucio writes them, without dashes.
func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return hex.EncodeToString(b)
}

// findGUID returns the GUID of a file: the given one, that within a POOL file, or a new one.
func findGUID(ctx context.Context, f *uploadFile) (string, error) {
	if f.guid != "" {
		return f.guid, nil
	}
	if f.noRegister || !strings.Contains(strings.ToLower(filepath.Base(f.result.Path)), "pool.root") {
		return newUUID(), nil
	}
	const tool = "pool_extractFileIdentifier"
	out, err := exec.CommandContext(ctx, tool, f.result.Path).Output() //nolint:gosec // a file name, to no shell
	if err != nil {
		return "", refuse("upload", rucio.ErrRucioException, "a POOL file has its GUID within, and %s, which finds it, can't be run: set up ATHENA, or give the guid: %v", tool, err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	words := strings.Fields(lines[len(lines)-1])
	if len(words) == 0 {
		return "", refuse("upload", rucio.ErrRucioException, "%s tells no GUID", tool)
	}
	return strings.ToLower(strings.ReplaceAll(words[0], "-", "")), nil
}

package transfer

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// The hashes are those of Python's client, for files of less than a block, of whole and broken blocks and pieces.
func TestBitTorrentIsPythons(t *testing.T) {
	env := testbed.Require(t)
	dir := t.TempDir()
	var paths []string
	for _, size := range []int64{0, 1, 1 << 14, 1<<14 + 1, 5 << 14, 1<<20 - 1, 1 << 20, 3<<20 + 12345, 64<<20 + 1, 600 << 20} {
		path := filepath.Join(dir, fmt.Sprint(size))
		if err := os.WriteFile(path, []byte("not all of it is a hole")[:min(size, 23)], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		if size > 100<<20 && testing.Short() {
			continue
		}
		paths = append(paths, path)
	}
	names, err := json.Marshal(paths)
	if err != nil {
		t.Fatal(err)
	}
	var want []map[string]any
	out := env.PythonClient(t, fmt.Sprintf(`
import base64, json
from rucio.common.bittorrent import bittorrent_v2_merkle_sha256
all = []
for path in json.loads(%q):
    root, layers, length = bittorrent_v2_merkle_sha256(path)
    all.append(dict(bittorrent_pieces_root=base64.b64encode(root).decode(), bittorrent_pieces_layers=base64.b64encode(layers).decode(), bittorrent_piece_length=length))
print(json.dumps(all))
`, names))
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		got, err := bitTorrentOf(path)
		if err != nil {
			t.Fatal(err)
		}
		got["bittorrent_piece_length"] = float64(got["bittorrent_piece_length"].(int))
		if !maps.Equal(got, want[i]) {
			t.Errorf("%s: got %v, want %v", filepath.Base(path), got, want[i])
		}
	}
}

package transfer

import (
	"hash/adler32"
	"math/rand/v2"
	"testing"
)

func TestJoinAdler32(t *testing.T) {
	for range 200 {
		content := make([]byte, rand.IntN(300_000))
		for i := range content {
			content[i] = byte(rand.Uint32()) | byte(len(content)) // large values overflow more often
		}
		cut := rand.IntN(len(content) + 1)
		first, second := adler32.Checksum(content[:cut]), adler32.Checksum(content[cut:])
		if got, want := joinAdler32(first, second, int64(len(content)-cut)), adler32.Checksum(content); got != want {
			t.Fatalf("%d bytes, cut at %d: got %08x, want %08x", len(content), cut, got, want)
		}
	}
}

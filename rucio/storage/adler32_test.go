package storage

import (
	"bytes"
	"hash"
	standard "hash/adler32"
	"math/rand/v2"
	"testing"
)

func TestAdler32(t *testing.T) {
	for _, fill := range []byte{0, 1, 255} {
		for n := range 600 {
			same(t, bytes.Repeat([]byte{fill}, n))
		}
		same(t, bytes.Repeat([]byte{fill}, 2*adlerBlock+5))
	}
	random := make([]byte, 2*adlerBlock)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for range 100 {
		from := rand.IntN(len(random))
		same(t, random[from:from+rand.IntN(len(random)-from)])
	}
	h := newAdler32()
	_, _ = h.Write([]byte("x"))
	h.Reset()
	if string(h.Sum([]byte("x"))) != "x\x00\x00\x00\x01" || h.Size() != 4 {
		t.Errorf("nothing is %x", h.Sum(nil))
	}
}

// same compares with the standard library's, in pieces as they come.
func same(t *testing.T, p []byte) {
	t.Helper()
	h := newAdler32()
	for rest := p; len(rest) > 0; {
		n := rand.IntN(len(rest)) + 1
		_, _ = h.Write(rest[:n])
		rest = rest[n:]
	}
	if h.Sum32() != standard.Checksum(p) {
		t.Fatalf("%d bytes: got %08x, want %08x", len(p), h.Sum32(), standard.Checksum(p))
	}
}

func FuzzAdler32(f *testing.F) {
	f.Add([]byte("Wikipedia"))
	f.Add(bytes.Repeat([]byte{0xff}, 100_001))
	f.Fuzz(same)
}

func BenchmarkAdler32(b *testing.B) {
	content := make([]byte, 256<<10)
	for name, h := range map[string]hash.Hash{"ours": newAdler32(), "standard": standard.New()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				_, _ = h.Write(content)
			}
		})
	}
}

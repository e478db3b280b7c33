package transfer

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"hash/adler32"
	"io"
	"testing"
	"testing/iotest"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// The checksums are those of what was read last, in pieces of any size, and bytes that are sent again count once.
func TestHashingSource(t *testing.T) {
	for _, size := range []int{0, 1, hashBlock - 1, hashBlock, hashBlock + 1, 20*hashBlock + 77} {
		content := bytes.Repeat([]byte("0123456789abcdef-"), size/17+1)[:size]
		var moved int64
		s := &hashingSource{Source: storage.FromBytes(content), moved: func(n int64) { moved += n }}
		first, err := s.Open()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.CopyN(io.Discard, first, int64(size/2))
		second, err := s.Open() // another attempt, before the first has ended
		if err != nil {
			t.Fatal(err)
		}
		_ = first.Close()
		if n, err := first.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("%d bytes of a closed reader", n)
		}
		if err := iotest.TestReader(second, content); err != nil {
			t.Error(err)
		}
		sums, err := s.sums()
		if want := (map[string]string{"adler32": fmt.Sprintf("%08x", adler32.Checksum(content)), "md5": fmt.Sprintf("%x", md5.Sum(content))}); err != nil || sums["adler32"] != want["adler32"] || sums["md5"] != want["md5"] {
			t.Errorf("%d bytes: %v, %v, want %v", size, sums, err, want)
		}
		if moved != int64(size) {
			t.Errorf("%d bytes have moved of %d", moved, size)
		}
		if s.forget(); moved != 0 {
			t.Errorf("%d bytes count of an attempt that has failed", moved)
		}
		_ = second.Close()
		third, _ := s.Open()
		if _, err := s.sums(); size > 0 && err == nil {
			t.Error("there are checksums of what was not read")
		}
		_ = third.Close()
	}
}

func BenchmarkHashingSource(b *testing.B) {
	content := make([]byte, 64<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := checksumsOf(context.Background(), storage.FromBytes(content)); err != nil {
			b.Fatal(err)
		}
	}
}

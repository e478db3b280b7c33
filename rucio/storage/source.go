package storage

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"sync"
)

// Source is what Put sends.
type Source interface {
	// Open starts reading at the first byte. It may be called again for another attempt, even before the reader of the
	// last one is closed.
	Open() (io.ReadCloser, error)
	// Size is the number of bytes that Open's reader gives.
	Size() int64
}

// FromBytes is a Source of bytes in memory.
func FromBytes(content []byte) Source { return bytesSource(content) }

type bytesSource []byte

func (s bytesSource) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(s)), nil }
func (s bytesSource) Size() int64                  { return int64(len(s)) }

// FromFile is a Source of a file that is there already; its size is taken now.
func FromFile(name string) (Source, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read what is to be stored: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("read what is to be stored: %s is no regular file", name)
	}
	return fileSource{name, st.Size()}, nil
}

type fileSource struct {
	name string
	size int64
}

func (s fileSource) Open() (io.ReadCloser, error) { return os.Open(s.name) }
func (s fileSource) Size() int64                  { return s.size }

// NewHash returns the hash of a checksum algorithm of the field: "adler32" or "md5".
func NewHash(algorithm string) (hash.Hash, error) {
	switch algorithm {
	case "adler32":
		return newAdler32(), nil
	case "md5":
		return md5.New(), nil
	}
	return nil, fmt.Errorf("checksum algorithm %q (known: adler32, md5): %w", algorithm, errors.ErrUnsupported)
}

// NormalChecksum writes a checksum as Backend.Checksum does: lower-case hex of full width, as adler32 is often written
// without its leading zeros.
func NormalChecksum(algorithm, sum string) string {
	sum = strings.ToLower(strings.TrimSpace(sum))
	if algorithm == "adler32" && sum != "" && len(sum) < 8 {
		sum = strings.Repeat("0", 8-len(sum)) + sum
	}
	return sum
}

// checkedReader gives the bytes of a Source, but holds the last piece back unless size and checksum are the announced
// ones: whatever reads it can't complete a wrong object. It ends when ctx is done.
type checkedReader struct {
	ctx    context.Context
	in     io.ReadCloser
	size   int64
	read   int64
	hash   hash.Hash // nil when no checksum is known
	sum    string
	name   string // of the algorithm
	mu     sync.Mutex
	failed error
}

// openSource starts reading a source for a Put. Everybody who writes a Backend sends what this gives.
func openSource(ctx context.Context, src Source, options PutOptions) (*checkedReader, error) {
	in, err := src.Open()
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	r := &checkedReader{ctx: ctx, in: in, size: src.Size()}
	for _, algorithm := range []string{"adler32", "md5"} { // the cheaper one suffices
		if sum := options.Checksums[algorithm]; sum != "" && r.hash == nil {
			r.hash, _ = NewHash(algorithm)
			r.name, r.sum = algorithm, NormalChecksum(algorithm, sum)
		}
	}
	if r.size == 0 { // nobody reads from nothing
		if err := r.check(); err != nil {
			_ = in.Close()
			return nil, err
		}
	}
	return r, nil
}

func (r *checkedReader) Read(p []byte) (int, error) {
	n, err := r.piece(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.mu.Lock()
		r.failed = err
		r.mu.Unlock()
	}
	return n, err
}

func (r *checkedReader) piece(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(p)
	r.read += int64(n)
	if r.hash != nil {
		r.hash.Write(p[:n])
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return 0, fmt.Errorf("read the source: %w", err)
	case r.read > r.size, errors.Is(err, io.EOF) && r.read < r.size:
		return 0, ofKind(Corrupt, fmt.Errorf("the source has changed: %d bytes read so far, %d were announced", r.read, r.size))
	case n > 0 && r.read == r.size:
		if err := r.check(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// check is called when all announced bytes are read.
func (r *checkedReader) check() error {
	if n, _ := io.ReadFull(r.in, make([]byte, 1)); n > 0 {
		return ofKind(Corrupt, fmt.Errorf("the source has changed: it has more than the %d bytes that were announced", r.size))
	}
	if r.hash == nil {
		return nil
	}
	if sum := hex.EncodeToString(r.hash.Sum(nil)); sum != r.sum {
		return ofKind(Corrupt, fmt.Errorf("the source's %s is %s, announced was %s", r.name, sum, r.sum))
	}
	return nil
}

// Close implements io.Closer.
func (r *checkedReader) Close() error { return r.in.Close() }

// failure returns why reading failed, nil when it did not: what a failed transfer reports should be the source's error, not
// what the connection made of it. It may be called while another goroutine reads.
func (r *checkedReader) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

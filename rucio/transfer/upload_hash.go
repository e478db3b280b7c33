package transfer

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// The checksums that the catalogue keeps.
var uploadChecksums = []string{"adler32", "md5"}

// Blocks that wait for their checksums: some, so that neither reading nor hashing waits for the other's hiccups.
const (
	hashBlock  = 256 << 10
	hashBlocks = 8
)

// hashingSource computes the checksums of what is read from a source, beside the reading: who sends does not wait for md5 unless
// sending is faster for long.
type hashingSource struct {
	storage.Source
	moved func(n int64) // is told of bytes as they are read, and of none of them when reading begins anew

	mu   sync.Mutex
	last *hashingReader
}

// Open implements storage.Source.
func (s *hashingSource) Open() (io.ReadCloser, error) {
	in, err := s.Source.Open()
	if err != nil {
		return nil, err
	}
	r := newHashingReader(in, s.Size(), s.moved)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		s.last.forget()
	}
	s.last = r
	return r, nil
}

// sums returns the checksums, once all is read.
func (s *hashingSource) sums() (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return nil, fmt.Errorf("nothing was read of %d bytes", s.Size())
	}
	return s.last.sums()
}

// forget takes back what Progress was told, as the bytes did not arrive.
func (s *hashingSource) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		s.last.forget()
	}
}

// hashingReader hashes in goroutines of its own, unless there is little to do.
type hashingReader struct {
	in     io.ReadCloser
	size   int64
	moved  func(n int64)
	told   atomic.Int64 // what moved was told
	hashes map[string]hash.Hash
	queues []chan *hashedBlock // one for each hash; nil when all is hashed at once
	free   chan *hashedBlock
	hashed sync.WaitGroup

	mu     sync.Mutex // an HTTP transport may close what another goroutine of it still reads
	closed bool
	read   int64
}

type hashedBlock struct {
	bytes []byte
	users atomic.Int32
}

func newHashingReader(in io.ReadCloser, size int64, moved func(int64)) *hashingReader {
	r := &hashingReader{in: in, size: size, moved: moved, hashes: map[string]hash.Hash{}}
	for _, algorithm := range uploadChecksums {
		r.hashes[algorithm], _ = storage.NewHash(algorithm)
	}
	if size <= hashBlock {
		return r
	}
	r.free = make(chan *hashedBlock, hashBlocks)
	for range hashBlocks {
		r.free <- &hashedBlock{}
	}
	for _, h := range r.hashes {
		queue := make(chan *hashedBlock, hashBlocks)
		r.queues = append(r.queues, queue)
		r.hashed.Go(func() {
			for b := range queue {
				h.Write(b.bytes)
				if b.users.Add(-1) == 0 {
					r.free <- b
				}
			}
		})
	}
	return r
}

func (r *hashingReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, fs.ErrClosed
	}
	n, err := r.in.Read(p)
	if n > 0 {
		r.hash(p[:n])
		r.read += int64(n)
		r.told.Add(int64(n))
		r.moved(int64(n))
	}
	return n, err
}

func (r *hashingReader) hash(p []byte) {
	if r.queues == nil {
		for _, h := range r.hashes {
			h.Write(p)
		}
		return
	}
	for len(p) > 0 {
		b := <-r.free
		b.bytes = append(b.bytes[:0], p[:min(len(p), hashBlock)]...)
		p = p[len(b.bytes):]
		b.users.Store(int32(len(r.queues))) //nolint:gosec // two
		for _, queue := range r.queues {
			queue <- b
		}
	}
}

// Close implements io.Closer.
func (r *hashingReader) Close() error {
	r.finish()
	return r.in.Close()
}

// finish ends reading, and waits until all that was read is hashed.
func (r *hashingReader) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	for _, queue := range r.queues {
		close(queue)
	}
	r.hashed.Wait()
}

func (r *hashingReader) forget() {
	if n := r.told.Swap(0); n > 0 {
		r.moved(-n)
	}
}

// sums is called when reading is over.
func (r *hashingReader) sums() (map[string]string, error) {
	r.finish()
	if r.read != r.size {
		return nil, fmt.Errorf("%d bytes were read of %d", r.read, r.size)
	}
	sums := map[string]string{}
	for algorithm, h := range r.hashes {
		sums[algorithm] = hex.EncodeToString(h.Sum(nil))
	}
	return sums, nil
}

// checksumsOf reads a source for its checksums alone.
func checksumsOf(ctx context.Context, src storage.Source) (map[string]string, error) {
	s := &hashingSource{Source: src, moved: func(int64) {}}
	in, err := s.Open()
	if err != nil {
		return nil, err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, readerUntil{ctx, in}, make([]byte, hashBlock))
	if closing := in.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	return s.sums()
}

package storage

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
)

// CopyOptions change how Copy copies.
type CopyOptions struct {
	Overwrite bool
	// Unchecked compares sizes only: large files are there sooner where servers take long about checksums.
	Unchecked bool
	// Moved is told of bytes as they pass, of a negative number where an attempt begins anew; nil: nobody.
	Moved func(n int64)
}

// Copied tells what Copy has done.
type Copied struct {
	Bytes               int64
	Algorithm, Checksum string // of the bytes that passed
	// Verified is set when a storage told the same checksum: the source before, or the target after. Else only sizes were compared.
	Verified bool
}

// Copy streams an object from one storage to another, or within one; nothing of it is kept here. The bytes are held to the
// checksum that the source knows, and the target's is compared with them. What the target has got wrong is removed again, and a
// Corrupt error.
func Copy(ctx context.Context, from Backend, source string, to Backend, target string, o CopyOptions) (Copied, error) {
	info, err := from.Stat(ctx, source)
	if err != nil {
		return Copied{}, err
	}
	if info.Folder {
		return Copied{}, Fail("copy", source, Other, errFolder)
	}
	done := Copied{Bytes: info.Size}
	if !o.Unchecked {
		done.Algorithm = commonAlgorithm(from, to)
	}
	s := &streamSource{ctx: ctx, from: from, pfn: source, size: info.Size, algorithm: done.Algorithm, moved: o.Moved}
	put := PutOptions{Overwrite: o.Overwrite}
	known := ""
	if !o.Unchecked && !isLocal(source) { // whose checksum would be computed of the bytes that are read anyway
		if known, err = tell(ctx, from, source, done.Algorithm); err != nil {
			return done, err
		}
	}
	if known != "" {
		put.Checksums = map[string]string{done.Algorithm: known}
		done.Verified = true
	}
	if err := to.Put(ctx, target, s, put); err != nil {
		return done, err
	}
	if o.Unchecked {
		return done, sized(ctx, to, target, info.Size)
	}
	done.Checksum = s.sum()
	if isLocal(target) && !isLocal(source) {
		return done, nil // what was just written would be read again, which tells nothing of the way
	}
	return done, verify(ctx, to, target, &done)
}

// verify compares the target's checksum, if it tells one.
func verify(ctx context.Context, to Backend, target string, done *Copied) error {
	got, err := tell(ctx, to, target, done.Algorithm)
	switch {
	case err != nil:
		return err
	case got == "":
		return nil
	case got == done.Checksum:
		done.Verified = true
		return nil
	}
	return withdraw(ctx, to, target, fmt.Errorf("the %s of what is stored is %s, that of what was sent %s", done.Algorithm, got, done.Checksum))
}

// sized compares the target's size.
func sized(ctx context.Context, to Backend, target string, size int64) error {
	info, err := to.Stat(ctx, target)
	if err != nil || info.Size == size {
		return err
	}
	return withdraw(ctx, to, target, fmt.Errorf("%d bytes are stored, %d were sent", info.Size, size))
}

// withdraw removes what the target has got wrong.
func withdraw(ctx context.Context, to Backend, target string, why error) error {
	if removal := to.Delete(context.WithoutCancel(ctx), target); removal != nil {
		why = errors.Join(why, removal)
	}
	return Fail("copy", target, Corrupt, why)
}

// commonAlgorithm is a checksum that both storages know, else one that the target or the source does.
func commonAlgorithm(from, to Backend) string {
	theirs := from.Features().Checksums
	for _, ours := range to.Features().Checksums {
		for _, algorithm := range theirs {
			if ours == algorithm {
				return ours
			}
		}
	}
	return append(append(to.Features().Checksums[:0:0], to.Features().Checksums...), append(theirs, "adler32")...)[0]
}

// tell asks a storage for a checksum; "" when it has no way to tell.
func tell(ctx context.Context, b Backend, pfn, algorithm string) (string, error) {
	sum, err := b.Checksum(ctx, pfn, algorithm)
	if Is(err, Unsupported) {
		return "", nil
	}
	return NormalChecksum(algorithm, sum), err
}

// isLocal tells whether a checksum means reading the object on this machine.
func isLocal(pfn string) bool { return Scheme(pfn) == "file" || Scheme(pfn) == "mem" }

// Sum returns the checksum of an object: what the storage tells, else that of the bytes, which are read for it.
func Sum(ctx context.Context, b Backend, pfn, algorithm string) (string, error) {
	h, err := NewHash(algorithm)
	if err != nil {
		return "", Fail("checksum", pfn, Other, err)
	}
	sum, err := tell(ctx, b, pfn, algorithm)
	if err != nil || sum != "" {
		return sum, err
	}
	return readSum(ctx, b, pfn, h)
}

// readSum reads an object for its checksum.
func readSum(ctx context.Context, b Backend, pfn string, h hash.Hash) (string, error) {
	r, err := b.Get(ctx, pfn, 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if err := pour(h, r, 0); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// streamSource is a Source of an object in another storage. It knows the checksum of what was read last.
type streamSource struct {
	ctx       context.Context //nolint:containedctx // that of one Copy
	from      Backend
	pfn       string
	size      int64
	algorithm string // empty: nobody wants to know
	moved     func(n int64)

	mu   sync.Mutex
	last *streamReader
}

// Open implements Source.
func (s *streamSource) Open() (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, err := s.from.Get(s.ctx, s.pfn, 0, -1)
	if err != nil {
		return nil, err
	}
	var h hash.Hash
	if s.algorithm != "" {
		if h, err = NewHash(s.algorithm); err != nil {
			return nil, err
		}
	}
	if s.last != nil {
		s.last.retire()
	}
	s.last = &streamReader{ReadCloser: in, hash: h, moved: s.moved}
	return s.last, nil
}

// Size implements Source.
func (s *streamSource) Size() int64 { return s.size }

func (s *streamSource) sum() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil { // nothing had to be read: there is nothing
		h, _ := NewHash(s.algorithm)
		return hex.EncodeToString(h.Sum(nil))
	}
	return s.last.sum()
}

// streamReader hashes and counts what passes. One that a new attempt has replaced may still be read for a moment.
type streamReader struct {
	io.ReadCloser
	mu      sync.Mutex
	hash    hash.Hash
	n       int64
	moved   func(n int64)
	retired bool
}

func (r *streamReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hash != nil {
		r.hash.Write(p[:n])
	}
	if r.n += int64(n); r.moved != nil && !r.retired && n > 0 {
		r.moved(int64(n))
	}
	return n, err
}

func (r *streamReader) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.retired = true
	if r.moved != nil && r.n > 0 {
		r.moved(-r.n)
	}
}

func (r *streamReader) sum() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return hex.EncodeToString(r.hash.Sum(nil))
}

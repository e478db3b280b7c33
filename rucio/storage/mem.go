package storage

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"time"
)

// Mem is a backend that keeps everything in memory, for tests. Its PFNs are "mem://host/path".
type Mem struct {
	mu      sync.Mutex
	objects map[string]memObject // by PFN without a slash at the end
}

type memObject struct {
	content []byte
	folder  bool
	time    time.Time
}

// NewMem returns an empty storage.
func NewMem() *Mem { return &Mem{objects: map[string]memObject{}} }

var _ Backend = (*Mem)(nil)

// Features implements Backend.
func (*Mem) Features() Features {
	return Features{Rename: true, Folders: true, Exclusive: true, Ranges: true, Checksums: []string{"adler32", "md5"}}
}

// Put implements Backend.
func (m *Mem) Put(ctx context.Context, pfn string, src Source, options PutOptions) error {
	return Fail("put", pfn, Other, m.put(ctx, memKey(pfn), src, options))
}

func (m *Mem) put(ctx context.Context, key string, src Source, options PutOptions) error {
	if err := m.vacant(key, options.Overwrite); err != nil {
		return err // before bytes move
	}
	in, err := openSource(ctx, src, options)
	if err != nil {
		return err
	}
	defer in.Close()
	content, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.objects[key]; ok && (old.folder || !options.Overwrite) {
		return fs.ErrExist
	}
	if err := m.makeFolders(Parent(key)); err != nil {
		return err
	}
	m.objects[key] = memObject{content: content, time: time.Now()}
	return nil
}

func (m *Mem) vacant(key string, overwrite bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.objects[key]; ok && (old.folder || !overwrite) {
		return fs.ErrExist
	}
	return nil
}

// Get implements Backend.
func (m *Mem) Get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error) {
	o, err := m.find(ctx, pfn)
	if err == nil && o.folder {
		err = errFolder
	}
	if err != nil {
		return nil, Fail("get", pfn, Other, err)
	}
	part := o.content[min(offset, int64(len(o.content))):]
	if length >= 0 {
		part = part[:min(length, int64(len(part)))]
	}
	return &reader{ctx: ctx, op: "get", pfn: pfn, Reader: bytes.NewReader(part), Closer: io.NopCloser(nil)}, nil
}

// Stat implements Backend.
func (m *Mem) Stat(ctx context.Context, pfn string) (Info, error) {
	o, err := m.find(ctx, pfn)
	if err != nil {
		return Info{}, Fail("stat", pfn, Other, err)
	}
	return o.info(pfn), nil
}

func (o memObject) info(pfn string) Info {
	return Info{PFN: pfn, Size: int64(len(o.content)), Folder: o.folder, ModTime: o.time}
}

// Checksum implements Backend.
func (m *Mem) Checksum(ctx context.Context, pfn, algorithm string) (string, error) {
	h, err := NewHash(algorithm)
	if err != nil {
		return "", Fail("checksum", pfn, Other, err)
	}
	o, err := m.find(ctx, pfn)
	if err != nil {
		return "", Fail("checksum", pfn, Other, err)
	}
	h.Write(o.content)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Rename implements Backend, for objects only.
func (m *Mem) Rename(_ context.Context, from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	source, target := memKey(from), memKey(to)
	o, ok := m.objects[source]
	if !ok || o.folder {
		return Fail("rename", from, NotFound, fs.ErrNotExist)
	}
	if _, ok := m.objects[target]; ok {
		return Fail("rename", from, Exists, fmt.Errorf("%s: %w", to, fs.ErrExist))
	}
	if err := m.makeFolders(Parent(target)); err != nil {
		return Fail("rename", from, Other, err)
	}
	delete(m.objects, source)
	m.objects[target] = o
	return nil
}

// Mkdir implements Backend.
func (m *Mem) Mkdir(_ context.Context, pfn string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Fail("mkdir", pfn, Other, m.makeFolders(memKey(pfn)))
}

func (m *Mem) makeFolders(key string) error {
	for ; key != ""; key = Parent(key) {
		switch o, ok := m.objects[key]; {
		case ok && !o.folder:
			return fmt.Errorf("%s is no folder: %w", key, fs.ErrExist)
		case ok:
			return nil
		}
		m.objects[key] = memObject{folder: true, time: time.Now()}
	}
	return nil
}

// Delete implements Backend.
func (m *Mem) Delete(_ context.Context, pfn string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := memKey(pfn)
	if _, ok := m.objects[key]; !ok {
		return Fail("delete", pfn, NotFound, fs.ErrNotExist)
	}
	for other := range m.objects {
		if Parent(other) == key {
			return Fail("delete", pfn, Other, errNotEmpty)
		}
	}
	delete(m.objects, key)
	return nil
}

// List implements Backend.
func (m *Mem) List(ctx context.Context, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		o, err := m.find(ctx, pfn)
		if err == nil && !o.folder {
			err = errNoFolder
		}
		if err != nil {
			yield(Info{}, Fail("list", pfn, Other, err))
			return
		}
		var found []Info
		m.mu.Lock()
		for key, o := range m.objects {
			if Parent(key) == memKey(pfn) {
				found = append(found, o.info(key))
			}
		}
		m.mu.Unlock()
		for _, info := range found {
			if !yield(info, nil) {
				return
			}
		}
	}
}

// Space implements Backend: what is used; the rest is unknown.
func (m *Mem) Space(context.Context, string) (Space, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	space := Space{Free: -1, Total: -1}
	for _, o := range m.objects {
		space.Used += int64(len(o.content))
	}
	return space, nil
}

// Close implements Backend.
func (*Mem) Close() error { return nil }

func (m *Mem) find(ctx context.Context, pfn string) (memObject, error) {
	if err := ctx.Err(); err != nil {
		return memObject{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[memKey(pfn)]
	if !ok {
		return o, fs.ErrNotExist
	}
	return o, nil
}

func memKey(pfn string) string { return strings.TrimRight(pfn, "/") }

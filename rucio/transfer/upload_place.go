package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// place is where a file is to be: a PFN, and the door to it.
type place struct {
	storage.Backend
	pfn   string
	plain bool // the protocol does not rename
	// sign returns a URL that is signed for one operation; nil where none is needed.
	sign func(ctx context.Context, operation string) (string, error)
}

// place returns the place of a file.
func (u *upload) place(f *uploadFile, pfn, scheme string) (*place, error) {
	door, err := u.m.Door(pfn)
	if err != nil {
		return nil, err
	}
	at := &place{Backend: door, pfn: pfn}
	if f.site.SignURL != "" && scheme == "https" {
		at.sign = func(ctx context.Context, operation string) (string, error) {
			return u.c.GetSignedURL(ctx, f.result.RSE, f.site.SignURL, operation, pfn, nil)
		}
	}
	return at, nil
}

// noRename tells whether Python's class for a protocol is one that writes to the final name at once.
func noRename(p rucio.Protocol) bool { return strings.HasSuffix(p.Impl, ".NoRename") }

// renames tells whether uploads go to a temporary name first.
func (at *place) renames() bool { return at.Features().Rename && at.sign == nil && !at.plain }

// url returns the PFN as it is to be used for an operation.
func (at *place) url(ctx context.Context, operation string) (string, error) {
	if at.sign == nil {
		return at.pfn, nil
	}
	url, err := at.sign(ctx, operation)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", storage.Public(at.pfn), err)
	}
	return url, nil
}

// named is the same door with another name.
func (at *place) named(pfn string) *place {
	other := *at
	other.pfn = pfn
	return &other
}

func (at *place) stat(ctx context.Context) (storage.Info, error) {
	url, err := at.url(ctx, opRead)
	if err != nil {
		return storage.Info{}, err
	}
	return at.Stat(ctx, url)
}

func (at *place) put(ctx context.Context, src storage.Source, o storage.PutOptions) error {
	url, err := at.url(ctx, opWrite)
	if err != nil {
		return err
	}
	return at.Put(ctx, url, src, o)
}

// remove deletes what is there; nothing is fine.
func (at *place) remove(ctx context.Context) error {
	url, err := at.url(ctx, opDelete)
	if err == nil {
		err = at.Delete(ctx, url)
	}
	if storage.Is(err, storage.NotFound) {
		return nil
	}
	return err
}

// errNoChecksum is that the storage tells no checksum that the catalogue keeps.
var errNoChecksum = errors.New("the storage tells no checksum")

// checksum asks the storage for a checksum, adler32 if it has that.
func (at *place) checksum(ctx context.Context) (algorithm, sum string, err error) {
	for _, algorithm := range uploadChecksums {
		for _, known := range at.Features().Checksums {
			if known != algorithm {
				continue
			}
			url, err := at.url(ctx, opRead)
			if err != nil {
				return "", "", err
			}
			sum, err := at.Checksum(ctx, url, algorithm)
			if storage.Is(err, storage.Unsupported) {
				continue
			}
			return algorithm, storage.NormalChecksum(algorithm, sum), err
		}
	}
	return "", "", errNoChecksum
}

// differs tells what speaks against what is there being of a size and having checksums, "" if nothing does. Where the storage
// tells none, it is read, unless it is larger than so many bytes; -1 is any size.
func (at *place) differs(ctx context.Context, size int64, sums map[string]string, mayRead int64) (other string, err error) {
	info, err := at.stat(ctx)
	if err != nil {
		return "", err
	}
	return at.differsFrom(ctx, info, size, sums, mayRead)
}

// differsFrom is differs for what has been seen already.
func (at *place) differsFrom(ctx context.Context, info storage.Info, size int64, sums map[string]string, mayRead int64) (other string, err error) {
	if info.Size != size {
		return fmt.Sprintf("it has %d bytes, not %d", info.Size, size), nil
	}
	algorithm, sum, err := at.checksum(ctx)
	if errors.Is(err, errNoChecksum) {
		if mayRead >= 0 && size > mayRead {
			return "", nil
		}
		algorithm, sum, err = at.read(ctx, size)
	}
	if err != nil || sums[algorithm] == "" || sum == sums[algorithm] {
		return "", err
	}
	return fmt.Sprintf("its %s is %s, not %s", algorithm, sum, sums[algorithm]), nil
}

// read computes the adler32 of what is there.
func (at *place) read(ctx context.Context, size int64) (algorithm, sum string, err error) {
	url, err := at.url(ctx, opRead)
	if err != nil {
		return "", "", err
	}
	sums, err := checksumsOf(ctx, remoteSource{ctx, at, url, size})
	return "adler32", sums["adler32"], err
}

// remoteSource is an object as a source.
type remoteSource struct {
	ctx  context.Context
	at   *place
	url  string
	size int64
}

func (s remoteSource) Open() (io.ReadCloser, error) { return s.at.Get(s.ctx, s.url, 0, -1) }
func (s remoteSource) Size() int64                  { return s.size }

package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const (
	largeSize = 2 << 30
	hugeSize  = 5 << 30
	xrdcpGoal = "rate >= 1.5 of xrdcp's, >= 0.9 of that without page checksums, peak <= 64 MB"
)

// large makes one large file of random bytes.
func (s setup) large() (string, error) {
	path := filepath.Join(s.dir, largeName)
	if st, err := os.Stat(path); err == nil && st.Size() == largeSize {
		return path, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	if _, err = io.CopyN(f, rand.Reader, largeSize); err != nil {
		_ = f.Close()
		return "", err
	}
	return path, f.Close()
}

// withLarge is withServices, and tells where the large file is.
func (s setup) withLarge(services ...string) (setup, string, error) {
	s, err := s.withServices(services...)
	if err != nil {
		return s, "", err
	}
	path, err := s.large()
	return s, path, err
}

// onto is a contender that writes to a path, which is removed before each run: to overwrite it would cost some more than others.
func onto(path string, c contender) contender {
	c.fresh = without(path, c.argv...)
	return c
}

// without gives arguments when what is at a path has been removed, and all that others wrote is on disk.
func without(path string, argv ...string) func() ([]string, error) {
	return func() ([]string, error) {
		err := os.RemoveAll(path)
		syscall.Sync()
		return argv, err
	}
}

// prepareCurl copies a large file over TLS.
func prepareCurl(up bool) func(context.Context, setup) ([]contender, error) {
	return func(ctx context.Context, s setup) ([]contender, error) {
		s, path, err := s.withLarge("rses")
		if err != nil {
			return nil, err
		}
		env, err := s.asHolder()
		if err != nil {
			return nil, err
		}
		door, stored := s.vars["TESTBED_WEBDAV_URL"]+"/rses/DAVS1/bench", filepath.Join(s.vars["TESTBED_RSE_DAVS1_FOLDER"], "bench")
		url := strings.Replace(door, "davs://", "https://", 1)
		curl := []string{"curl", "-sSf", "--cacert", s.vars["TESTBED_CA"], "--cert", s.vars["TESTBED_USER_CERT"], "--key", s.vars["TESTBED_USER_KEY"]}
		send := contender{name: "curl -T", argv: append(slices.Clip(curl), "-T", path, url)}
		s.atEnd(func() { _ = os.Remove(stored) })
		if up {
			return []contender{
				onto(stored, contender{name: "ours", argv: []string{s.bin, "storage", "cp", path, door}, env: env}), onto(stored, send),
			}, nil
		}
		if _, err := once(ctx, onto(stored, send)); err != nil {
			return nil, err
		}
		target := filepath.Join(s.dir, "copy")
		return []contender{
			onto(target, contender{name: "ours", argv: []string{s.bin, "storage", "cp", door, target}, env: env}),
			onto(target, contender{name: "curl -o", argv: append(slices.Clip(curl), "-o", target, url)}),
		}, nil
	}
}

// prepareXrdcp copies a large file by XRootD's own protocol. xrdcp compares no checksums of the whole file unless it is told to; so
// there is a copy of ours that does not either.
func prepareXrdcp(up bool) func(context.Context, setup) ([]contender, error) {
	return func(ctx context.Context, s setup) ([]contender, error) {
		s, path, err := s.withLarge("rses")
		if err != nil {
			return nil, err
		}
		door, stored := s.vars["TESTBED_XROOTD_URL"]+"/rses/ROOT1/bench", filepath.Join(s.vars["TESTBED_RSE_ROOT1_FOLDER"], "bench")
		s.atEnd(func() { _ = os.Remove(stored) })
		from, to, written := door, filepath.Join(s.dir, "copy"), filepath.Join(s.dir, "copy")
		if up {
			from, to, written = path, door, stored
		} else if _, err := once(ctx, onto(stored, contender{name: "xrdcp", argv: []string{"xrdcp", "-s", path, door}})); err != nil {
			return nil, err
		}
		plain := []string{"XRD_CPUSEPGWRTRD=0"}
		return []contender{
			onto(written, contender{name: "ours", argv: []string{s.bin, "storage", "cp", "--no-checksum", from, to}, env: s.env}),
			onto(written, contender{name: "xrdcp", argv: []string{"xrdcp", "-s", from, to}}),
			onto(written, contender{name: "xrdcp, no page checksums", argv: []string{"xrdcp", "-s", from, to}, env: plain}),
			onto(written, contender{name: "ours, checksum compared", argv: []string{s.bin, "storage", "cp", from, to}, env: s.env}),
			onto(written, contender{name: "xrdcp, no page checksums, checksum compared", argv: []string{"xrdcp", "-s", "--cksum", "adler32", from, to}, env: plain}),
		}, nil
	}
}

// prepareLargeUp uploads a large file under new names, with checksums of two kinds and all that the catalogue is told.
func prepareLargeUp(_ context.Context, s setup) ([]contender, error) {
	s, env, err := s.forLarge()
	if err != nil {
		return nil, err
	}
	fresh := func(argv func(path string) []string) func() ([]string, error) {
		return func() ([]string, error) {
			path, err := s.another()
			syscall.Sync()
			return argv(path), err
		}
	}
	theirs, err := pythons(s, asOne, "upload.py", pythonUpload, env, fresh(func(path string) []string { return []string{path, asOne.rse, asOne.scheme} }))
	return append([]contender{{name: "ours", env: env, fresh: fresh(s.uploadOne)}}, theirs...), err
}

// uploadOne is the command that uploads a large file.
func (s setup) uploadOne(path string) []string {
	return []string{s.bin, "upload", path, "--rse", asOne.rse, "--scope", "test", "--protocol", asOne.scheme}
}

// prepareLargeDown downloads a large file by its DID.
func prepareLargeDown(ctx context.Context, s setup) ([]contender, error) {
	s, env, err := s.forLarge()
	if err != nil {
		return nil, err
	}
	path, err := s.another()
	if err != nil {
		return nil, err
	}
	did, folder := "test:"+filepath.Base(path), filepath.Join(s.dir, "large-down")
	if _, err := once(ctx, contender{name: "upload", env: env, argv: s.uploadOne(path)}); err != nil {
		return nil, err
	}
	ours := onto(folder, contender{name: "ours", env: env, argv: []string{s.bin, "download", did, "--dir", folder, "--protocol", asOne.scheme}})
	theirs, err := pythons(s, asOne, "download.py", pythonDownload, env, without(folder, did, folder, asOne.scheme))
	return append([]contender{ours}, theirs...), err
}

// forLarge has all that Python needs as well, and leaves no large files on the storage.
func (s setup) forLarge() (setup, []string, error) {
	s, _, err := s.withLarge("rses", "gfal")
	if err != nil {
		return s, nil, err
	}
	s.atEnd(func() {
		removeAll(filepath.Join(s.vars["TESTBED_RSE_"+asOne.rse+"_FOLDER"], "test/*/*", largeName+"-*"))
	})
	env, err := s.asHolder()
	return s, env, err
}

// largeName is that of the large file, and the beginning of its other names.
const largeName = "large"

// another gives the large file another name, as a DID can be uploaded once.
func (s setup) another() (string, error) {
	name, err := os.MkdirTemp(s.dir, largeName+"-")
	if err == nil {
		err = os.Remove(name)
	}
	if err == nil {
		err = os.Link(filepath.Join(s.dir, largeName), name)
	}
	return name, err
}

// prepareHuge moves a file of more bytes than 32 bits can count, which has none on disk.
func prepareHuge(_ context.Context, s setup) ([]contender, error) {
	s, err := s.withServices("rses")
	if err != nil {
		return nil, err
	}
	s.vars["TESTBED_RSE_POSIX1_FOLDER"] = filepath.Join(s.vars["TESTBED_STATE"], "storage/POSIX1")
	name := ""
	upload := func(rse string) contender {
		return contender{name: "upload to " + rse, env: s.env, fresh: func() ([]string, error) {
			f, err := os.CreateTemp(s.dir, "huge-")
			if err != nil {
				return nil, err
			}
			defer f.Close()
			name = filepath.Base(f.Name())
			return []string{s.bin, "upload", f.Name(), "--rse", rse, "--scope", "test", "--lifetime", "1h"}, f.Truncate(hugeSize)
		}}
	}
	download := func(rse string) contender {
		return contender{name: "download from " + rse, env: s.env, fresh: func() ([]string, error) {
			stored := filepath.Join(s.vars["TESTBED_RSE_"+rse+"_FOLDER"], "test/*/*", name)
			s.atEnd(func() { removeAll(stored) })
			return []string{s.bin, "download", "test:" + name, "--dir", filepath.Join(s.dir, "down-"+name)}, nil
		}}
	}
	return []contender{upload("POSIX1"), download("POSIX1"), upload("ROOT1"), download("ROOT1")}, nil
}

// removeAll removes the files of a pattern.
func removeAll(pattern string) {
	found, _ := filepath.Glob(pattern)
	for _, file := range found {
		_ = os.Remove(file)
	}
}

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The transfer benchmarks move real bytes to and from the testbed's real storages: many small files beside Python's clients,
// and a large one beside curl and xrdcp. All write to the same disk, and the sink of traces runs, or Python would wait for it.
const (
	smallFiles = 1000
	smallSize  = 10 << 10
	largeSize  = 2 << 30
	hugeSize   = 5 << 30
)

// pythonPart is how many of the small files Python moves; its figures are scaled up to all of them.
const pythonPart = 100

var transferBenchmarks = []benchmark{
	{
		name: "1,000 files of 10 KiB up to posix", runs: 3, cold: true,
		goal:    "wall <= 1/10 of Python's (measured with 100 files, times ten), peak <= 64 MB",
		prepare: func(_ context.Context, s setup) ([]contender, error) { return prepareSmall(s, "POSIX1", "file", "") },
	},
	{
		name: "1,000 files of 10 KiB up to davs", runs: 3, cold: true,
		goal: "wall <= 1/10 of Python's with gfal2 (measured with 100 files, times ten), peak <= 64 MB",
		prepare: func(_ context.Context, s setup) ([]contender, error) {
			return prepareSmall(s, "ROOT2", "davs", "TESTBED_GFAL_PYTHON")
		},
	},
	{name: "2 GiB up to davs, TLS", gib: 2, runs: 3, goal: "wall <= 1/0.95 of curl's, peak <= 64 MB", prepare: prepareCurl(true)},
	{name: "2 GiB down from davs, TLS", gib: 2, runs: 3, goal: "wall <= 1/0.95 of curl's, peak <= 64 MB", prepare: prepareCurl(false)},
	{name: "2 GiB up to root", gib: 2, runs: 3, goal: "wall <= 1/1.5 of xrdcp's, <= 1/0.9 of that without page checksums, peak <= 64 MB", prepare: prepareXrdcp(true)},
	{name: "2 GiB down from root", gib: 2, runs: 3, goal: "wall <= 1/1.5 of xrdcp's, <= 1/0.9 of that without page checksums, peak <= 64 MB", prepare: prepareXrdcp(false)},
	{name: "5 GiB, sparse, uploaded to posix and root and downloaded", gib: 5, runs: 1, cold: true, goal: "peak <= 64 MB", prepare: prepareHuge},
}

// withServices adds what services of the testbed tell to the variables of a benchmark.
func (s setup) withServices(names ...string) (setup, error) {
	cmd := exec.Command("python3", append([]string{"etc/testbed/testbed.py", "up", "--install"}, names...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return s, fmt.Errorf("start %s: %w", strings.Join(names, ", "), err)
	}
	env, vars := append([]string(nil), s.env...), map[string]string{}
	for name, value := range s.vars {
		vars[name] = value
	}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env, vars[name] = append(env, name+"="+value), value
		}
	}
	s.env, s.vars = env, vars
	return s, nil
}

// asHolder makes contenders use the testbed's certificate at storages, or for programs that want one, its proxy. The login to
// Rucio stays as it is.
func (s setup) asHolder() []string {
	return append(append([]string(nil), s.env...), "X509_USER_CERT="+s.vars["TESTBED_USER_CERT"], "X509_USER_KEY="+s.vars["TESTBED_USER_KEY"],
		"X509_CERT_DIR="+s.vars["TESTBED_CERT_DIR"])
}

const pythonUpload = `
import sys
from rucio.client.uploadclient import UploadClient
folder, rse, scheme = sys.argv[1:]
UploadClient().upload([{"path": folder, "rse": rse, "did_scope": "test", "force_scheme": scheme}])
`

// prepareSmall uploads many small files, new ones in each run.
func prepareSmall(s setup, rse, scheme, interpreter string) ([]contender, error) {
	services := []string{"rses"}
	if interpreter != "" {
		services = append(services, "gfal")
	}
	s, err := s.withServices(services...)
	if err != nil {
		return nil, err
	}
	script, err := s.write("upload.py", pythonUpload)
	if err != nil {
		return nil, err
	}
	python := s.python
	if interpreter != "" {
		python = s.vars[interpreter]
	}
	env := append(s.asHolder(), "X509_USER_PROXY="+s.vars["TESTBED_PROXY"])
	return []contender{
		{name: "ours", env: env, fresh: func() ([]string, error) {
			folder, err := s.files(smallFiles)
			return []string{s.bin, "upload", folder, "--rse", rse, "--scope", "test", "--protocol", scheme}, err
		}},
		{name: "Python", env: env, scale: smallFiles / pythonPart, fresh: func() ([]string, error) {
			folder, err := s.files(pythonPart)
			return []string{python, script, folder, rse, scheme}, err
		}},
	}, nil
}

// files makes a folder of small files with names that no run had before.
func (s setup) files(n int) (string, error) {
	folder, err := os.MkdirTemp(s.dir, "small-")
	content := make([]byte, smallSize)
	for i := 0; err == nil && i < n; i++ {
		_, _ = rand.Read(content) // never fails
		err = os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%04d", filepath.Base(folder), i)), content, 0o600)
	}
	return folder, err
}

// large makes one large file of random bytes.
func (s setup) large() (string, error) {
	path := filepath.Join(s.dir, "large")
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

// prepareCurl copies a large file over TLS.
func prepareCurl(up bool) func(context.Context, setup) ([]contender, error) {
	return func(ctx context.Context, s setup) ([]contender, error) {
		s, err := s.withServices("webdav")
		if err != nil {
			return nil, err
		}
		path, err := s.large()
		if err != nil {
			return nil, err
		}
		door := s.vars["TESTBED_WEBDAV_URL"]
		url := strings.Replace(door, "davs://", "https://", 1)
		curl := []string{"curl", "-sSf", "--cacert", s.vars["TESTBED_CA"], "--cert", s.vars["TESTBED_USER_CERT"], "--key", s.vars["TESTBED_USER_KEY"]}
		copies, env := []string{s.bin, "storage", "cp", "--force"}, append(s.asHolder(), "RUCIO_CFG_CLIENT_CLIENT_X509_PROXY=")
		target := filepath.Join(s.dir, "copy")
		s.atEnd(func() { _ = os.Remove(target) })
		if up {
			return []contender{
				{name: "ours", argv: append(copies, path, door+"/bench-ours"), env: env},
				{name: "curl -T", argv: append(curl, "-T", path, url+"/bench-curl")},
			}, nil
		}
		if _, err := once(ctx, contender{name: "curl -T", argv: append(curl, "-T", path, url+"/bench")}); err != nil {
			return nil, err
		}
		return []contender{
			{name: "ours", argv: append(copies, door+"/bench", target), env: env},
			{name: "curl -o", argv: append(curl, "-o", target, url+"/bench")},
		}, nil
	}
}

// prepareXrdcp copies a large file by XRootD's own protocol.
func prepareXrdcp(up bool) func(context.Context, setup) ([]contender, error) {
	return func(ctx context.Context, s setup) ([]contender, error) {
		s, err := s.withServices("xrootd")
		if err != nil {
			return nil, err
		}
		path, err := s.large()
		if err != nil {
			return nil, err
		}
		door := s.vars["TESTBED_XROOTD_URL"] + "//bench"
		target := filepath.Join(s.dir, "copy")
		s.atEnd(func() { _ = os.Remove(target) })
		from, to := door, target
		if up {
			from, to = path, door
		} else if _, err := once(ctx, contender{name: "xrdcp", argv: []string{"xrdcp", "-f", "-s", path, door}}); err != nil {
			return nil, err
		}
		return []contender{
			{name: "ours", argv: []string{s.bin, "storage", "cp", "--force", from, to}, env: s.env},
			{name: "xrdcp", argv: []string{"xrdcp", "-f", "-s", from, to}},
			{name: "xrdcp, no page checksums", argv: []string{"xrdcp", "-f", "-s", from, to}, env: []string{"XRD_CPUSEPGWRTRD=0"}},
		}, nil
	}
}

// prepareHuge moves a file of more bytes than 32 bits can count, which has none on disk.
func prepareHuge(_ context.Context, s setup) ([]contender, error) {
	s, err := s.withServices("rses")
	if err != nil {
		return nil, err
	}
	var name string
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
			return []string{s.bin, "download", "test:" + name, "--dir", filepath.Join(s.dir, "down-"+name)}, nil
		}}
	}
	return []contender{upload("POSIX1"), download("POSIX1"), upload("ROOT1"), download("ROOT1")}, nil
}

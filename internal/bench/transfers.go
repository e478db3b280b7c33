package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The transfer benchmarks move real bytes to and from the testbed's real storages: many small files beside Python's clients,
// and a large one beside curl and xrdcp. All write to the same disk, and the sink of traces runs, or Python would wait for it.
const (
	smallFiles = 1000
	smallSize  = 10 << 10
	// gfalFiles is how many of the small files Python moves over davs, which takes it long; the figures are scaled up to all.
	gfalFiles = 100
)

var transferBenchmarks = []benchmark{
	{
		name: "1,000 files of 10 KiB up to posix", runs: 3, cold: true,
		goal:    "wall <= 1/10 of Python's, peak <= 64 MB",
		prepare: func(_ context.Context, s setup) ([]contender, error) { return prepareSmallUp(s, posix) },
	},
	{
		name: "1,000 files of 10 KiB up to davs", runs: 3, cold: true,
		goal:    "wall <= 1/10 of Python's with gfal2 (measured with 100 files, and scaled), peak <= 64 MB",
		prepare: func(_ context.Context, s setup) ([]contender, error) { return prepareSmallUp(s, davs) },
	},
	{
		name: "1,000 files of 10 KiB down from posix", runs: 3, cold: true,
		goal:    "wall <= 1/10 of Python's, peak <= 64 MB",
		prepare: func(ctx context.Context, s setup) ([]contender, error) { return prepareSmallDown(ctx, s, posix) },
	},
	{
		name: "1,000 files of 10 KiB down from davs", runs: 3, cold: true,
		goal:    "wall <= 1/10 of Python's with gfal2 (measured with 100 files, and scaled), peak <= 64 MB",
		prepare: func(ctx context.Context, s setup) ([]contender, error) { return prepareSmallDown(ctx, s, davs) },
	},
	{name: "2 GiB up to davs, TLS", gib: 2, runs: 7, best: true, goal: "rate >= 0.95 of curl's, peak <= 64 MB", prepare: prepareCurl(true)},
	{name: "2 GiB down from davs, TLS", gib: 2, runs: 7, best: true, goal: "rate >= 0.95 of curl's, peak <= 64 MB", prepare: prepareCurl(false)},
	{name: "2 GiB up to root", gib: 2, runs: 7, best: true, goal: xrdcpGoal, prepare: prepareXrdcp(true)},
	{name: "2 GiB down from root", gib: 2, runs: 7, best: true, goal: xrdcpGoal, prepare: prepareXrdcp(false)},
	{name: "2 GiB uploaded and registered, davs", gib: 2, runs: 3, best: true, goal: "faster than Python's with gfal2, peak <= 64 MB", prepare: prepareLargeUp},
	{name: "2 GiB downloaded by its DID, davs", gib: 2, runs: 3, best: true, goal: "faster than Python's with gfal2, peak <= 64 MB", prepare: prepareLargeDown},
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
	env, vars := slices.Clone(s.env), maps.Clone(s.vars)
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env, vars[name] = append(env, name+"="+value), value
		}
	}
	s.env, s.vars = env, vars
	return s, nil
}

// asHolder makes contenders use the testbed's certificate at storages, and no proxy of it, which nginx would not take; the login to
// Rucio is the usual one.
func (s setup) asHolder() ([]string, error) {
	usual, err := os.ReadFile(s.vars["RUCIO_CONFIG"])
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for line := range strings.Lines(string(usual)) {
		if !strings.HasPrefix(line, "client_x509_proxy") {
			text.WriteString(line)
		}
	}
	config, err := s.write("holder.cfg", text.String())
	return append(slices.Clip(s.env), "X509_USER_CERT="+s.vars["TESTBED_USER_CERT"], "X509_USER_KEY="+s.vars["TESTBED_USER_KEY"],
		"X509_CERT_DIR="+s.vars["TESTBED_CERT_DIR"], "RUCIO_CONFIG="+config), err
}

// way is how small files move.
type way struct {
	rse, scheme string
	python      string // the variable with the interpreter
	files       int    // that Python moves
}

var (
	posix = way{rse: "POSIX1", scheme: "file", python: "TESTBED_PYTHON", files: smallFiles}
	davs  = way{rse: "DAVS1", scheme: "davs", python: "TESTBED_GFAL_PYTHON", files: gfalFiles}
)

// asOne is how a large file moves: all of it by Python too.
var asOne = way{rse: "DAVS1", scheme: "davs", python: "TESTBED_GFAL_PYTHON", files: smallFiles}

const (
	pythonUpload = `
import sys
from rucio.client.uploadclient import UploadClient
folder, rse, scheme = sys.argv[1:]
client = UploadClient()
if folder:
    client.upload([{"path": folder, "rse": rse, "did_scope": "test", "force_scheme": scheme}])
`
	pythonDownload = `
import sys
from rucio.client.downloadclient import DownloadClient
did, folder, scheme = sys.argv[1:]
client = DownloadClient()
if folder:
    client.download_dids([{"did": did, "base_dir": folder, "force_scheme": scheme}])
`
)

// pythons are a script of Python's clients, and the same script without work, which is start-up.
func pythons(s setup, w way, name, script string, env []string, args func() ([]string, error)) ([]contender, error) {
	script, err := s.write(name, script)
	argv := []string{s.vars[w.python], script}
	return []contender{
		{name: "Python, start", argv: append(slices.Clip(argv), "", "", ""), env: env},
		{name: "Python", env: env, net: "Python, start", scale: smallFiles / w.files, most: 1, fresh: func() ([]string, error) {
			more, err := args()
			return append(slices.Clip(argv), more...), err
		}},
	}, err
}

// prepareSmallUp uploads many small files, new ones in each run.
func prepareSmallUp(s setup, w way) ([]contender, error) {
	s, err := s.withServices("rses", "gfal")
	if err != nil {
		return nil, err
	}
	env, err := s.asHolder()
	if err != nil {
		return nil, err
	}
	ours := contender{name: "ours", env: env, fresh: func() ([]string, error) {
		folder, err := s.files(smallFiles)
		return []string{s.bin, "upload", folder, "--rse", w.rse, "--scope", "test", "--protocol", w.scheme}, err
	}}
	theirs, err := pythons(s, w, "upload.py", pythonUpload, env, func() ([]string, error) {
		folder, err := s.files(w.files)
		return []string{folder, w.rse, w.scheme}, err
	})
	return append([]contender{ours}, theirs...), err
}

// prepareSmallDown downloads datasets of many small files, to new folders in each run.
func prepareSmallDown(ctx context.Context, s setup, w way) ([]contender, error) {
	s, err := s.withServices("rses", "gfal")
	if err != nil {
		return nil, err
	}
	env, err := s.asHolder()
	if err != nil {
		return nil, err
	}
	dataset := func(n int) (string, error) {
		folder, err := s.files(n)
		if err != nil {
			return "", err
		}
		did := "test:ds." + filepath.Base(folder)
		_, err = once(ctx, contender{name: "upload", env: env, argv: []string{s.bin, "upload", folder, "--rse", w.rse, "--scope", "test", "--dataset", did}})
		return did, err
	}
	all, err := dataset(smallFiles)
	if err != nil {
		return nil, err
	}
	some := all
	if w.files != smallFiles {
		if some, err = dataset(w.files); err != nil {
			return nil, err
		}
	}
	ours := contender{name: "ours", env: env, fresh: func() ([]string, error) {
		folder, err := os.MkdirTemp(s.dir, "down-")
		return []string{s.bin, "download", all, "--dir", folder, "--protocol", w.scheme}, err
	}}
	theirs, err := pythons(s, w, "download.py", pythonDownload, env, func() ([]string, error) {
		folder, err := os.MkdirTemp(s.dir, "down-")
		return []string{some, folder, w.scheme}, err
	})
	return append([]contender{ours}, theirs...), err
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

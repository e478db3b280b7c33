package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Gfal is the backend for "srm://" and "gsiftp://" PFNs. It runs the commands of gfal2, which speak these protocols, if they
// are installed; bytes pass through a temporary file.
type Gfal struct {
	options Options
}

// NewGfal returns a backend that runs gfal2's commands, or an Unsupported error when they are not installed.
func NewGfal(options Options) (*Gfal, error) {
	if _, err := exec.LookPath("gfal-copy"); err != nil {
		return nil, Fail("open", "srm:// or gsiftp://", Unsupported,
			errors.New("these need gfal2's commands, and gfal-copy is not in PATH: install gfal2-util-scripts and the gfal2 plugins, "+
				"or use a davs:// or root:// door of this RSE"))
	}
	return &Gfal{options.withDefaults()}, nil
}

var _ Backend = (*Gfal)(nil)

// Features implements Backend.
func (*Gfal) Features() Features {
	return Features{Rename: true, Folders: true, Checksums: []string{"adler32", "md5"}}
}

// Close implements Backend.
func (*Gfal) Close() error { return nil }

// run runs a command and returns what it prints. Its exit code is an errno, its last words tell why.
func (b *Gfal) run(ctx context.Context, pfn, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)                        //nolint:gosec // one of gfal2's commands, without a shell
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it removes what it has begun to write
	cmd.WaitDelay = 10 * time.Second
	env, err := b.env(ctx, cmd, pfn)
	if err != nil {
		return "", err
	}
	cmd.Env = env
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.String(), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !errors.As(err, &exit):
		return "", fmt.Errorf("run %s: %w", name, err)
	}
	lines := strings.Split(strings.TrimSpace(words.String()), "\n")
	code := syscall.Errno(max(exit.ExitCode(), 0)) //nolint:gosec // a small positive number
	return "", ofKind(kindOfErrno(code), fmt.Errorf("%s: %w", lines[len(lines)-1], code))
}

// kindOfErrno knows what gfal2 says when a server is not there, besides what an operating system says of files.
func kindOfErrno(code syscall.Errno) Kind {
	unavailable := []syscall.Errno{
		syscall.ECOMM, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EHOSTUNREACH, syscall.ENETUNREACH,
		syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EBUSY, syscall.EIO, syscall.EHOSTDOWN,
	}
	switch {
	case slices.Contains(unavailable, code):
		return Unavailable
	case code == syscall.EOPNOTSUPP || code == syscall.EPROTONOSUPPORT || code == syscall.ENOSYS:
		return Unsupported
	}
	return KindOf(code)
}

// env is the environment of a command; credentials are in it, not among the arguments, which everybody on a machine sees.
func (b *Gfal) env(ctx context.Context, cmd *exec.Cmd, pfn string) ([]string, error) {
	env := slices.Clone(b.options.Env)
	if env == nil {
		env = cmd.Environ()
	}
	set := func(name, value string) {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	set("X509_USER_PROXY", b.options.Proxy)
	set("X509_CERT_DIR", b.options.CADir)
	given := slices.ContainsFunc(env, func(entry string) bool { return strings.HasPrefix(entry, "GFAL_PYTHONBIN=") })
	if _, err := os.Stat("/usr/bin/python3"); err == nil && !given {
		set("GFAL_PYTHONBIN", "/usr/bin/python3") // Debian's scripts look for a python that it no longer has
	}
	if b.options.Token != nil {
		token, err := b.options.Token(ctx, pfn)
		if err != nil {
			return nil, fmt.Errorf("get a token: %w", err)
		}
		set("BEARER_TOKEN", token.Reveal())
	}
	return env, nil
}

// Put implements Backend.
func (b *Gfal) Put(ctx context.Context, pfn string, src Source, options PutOptions) (err error) {
	defer func() { err = Fail("put", pfn, Other, err) }()
	if info, there := b.Stat(ctx, pfn); there == nil && (info.Folder || !options.Overwrite) {
		return fs.ErrExist // gfal-copy would put it into the folder
	}
	file, err := os.CreateTemp("", "rucio-put-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	in, err := openSource(ctx, src, options)
	if err == nil {
		err = pour(file, in, src.Size())
		_ = in.Close()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	args := []string{"-p", "file://" + file.Name(), pfn}
	if options.Overwrite {
		args = append([]string{"-f"}, args...)
	}
	_, err = b.run(ctx, pfn, "gfal-copy", args...)
	if err == nil || options.Overwrite || Is(err, Exists) {
		return err
	}
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	if _, failed := b.run(cleaning, pfn, "gfal-rm", pfn); failed != nil && !Is(failed, NotFound) {
		return HalfPut(pfn, err)
	}
	return err
}

// Get implements Backend: all of the object is copied first, whatever part is asked for.
func (b *Gfal) Get(ctx context.Context, pfn string, offset, length int64) (_ io.ReadCloser, err error) {
	defer func() { err = Fail("get", pfn, Other, err) }()
	folder, err := os.MkdirTemp("", "rucio-get-*")
	if err != nil {
		return nil, err
	}
	local := "file://" + filepath.Join(folder, "file")
	var r io.ReadCloser
	if _, err = b.run(ctx, pfn, "gfal-copy", pfn, local); err == nil {
		r, err = NewFile().Get(ctx, local, offset, length)
	}
	if err != nil {
		_ = os.RemoveAll(folder)
		return nil, err
	}
	return &onClose{ReadCloser: r, then: func() { _ = os.RemoveAll(folder) }}, nil
}

var gfalStat = regexp.MustCompile(`(?m)^\s*Size: (\d+)\s+(.*?)\s*$`)

// Stat implements Backend.
func (b *Gfal) Stat(ctx context.Context, pfn string) (Info, error) {
	out, err := b.run(ctx, pfn, "gfal-stat", pfn)
	if err != nil {
		return Info{}, Fail("stat", pfn, Other, err)
	}
	found := gfalStat.FindStringSubmatch(out)
	if found == nil {
		return Info{}, Fail("stat", pfn, Other, fmt.Errorf("gfal-stat prints no size: %q", out))
	}
	info := Info{PFN: pfn, Folder: found[2] == "directory"}
	if !info.Folder {
		info.Size, err = strconv.ParseInt(found[1], 10, 64)
	}
	return info, Fail("stat", pfn, Other, err)
}

// Checksum implements Backend.
func (b *Gfal) Checksum(ctx context.Context, pfn, algorithm string) (_ string, err error) {
	defer func() { err = Fail("checksum", pfn, Other, err) }()
	if _, err := NewHash(algorithm); err != nil {
		return "", err
	}
	out, err := b.run(ctx, pfn, "gfal-sum", pfn, strings.ToUpper(algorithm))
	if err != nil {
		return "", err
	}
	words := strings.Fields(out)
	if len(words) < 2 {
		return "", fmt.Errorf("gfal-sum prints no checksum: %q", out)
	}
	return NormalChecksum(algorithm, words[len(words)-1]), nil
}

// Rename implements Backend.
func (b *Gfal) Rename(ctx context.Context, from, to string) (err error) {
	defer func() { err = Fail("rename", from, Other, err) }()
	if _, err := b.Stat(ctx, from); err != nil {
		return err
	}
	if _, err := b.Stat(ctx, to); err == nil {
		return fmt.Errorf("%s: %w", Public(to), fs.ErrExist)
	} else if !Is(err, NotFound) {
		return err
	}
	if parent := Parent(to); parent != "" && parent != Parent(from) {
		if err := b.Mkdir(ctx, parent); err != nil {
			return err
		}
	}
	_, err = b.run(ctx, from, "gfal-rename", from, to)
	return err
}

// Mkdir implements Backend. gfal-mkdir takes an object that is there for a folder.
func (b *Gfal) Mkdir(ctx context.Context, pfn string) (err error) {
	defer func() { err = Fail("mkdir", pfn, Other, err) }()
	switch info, there := b.Stat(ctx, pfn); {
	case there == nil && info.Folder:
		return nil
	case there == nil:
		return fs.ErrExist
	}
	_, err = b.run(ctx, pfn, "gfal-mkdir", "-p", pfn)
	return err
}

// Delete implements Backend. gfal-rm would take a folder with all that is in it, or none.
func (b *Gfal) Delete(ctx context.Context, pfn string) (err error) {
	defer func() { err = Fail("delete", pfn, Other, err) }()
	info, err := b.Stat(ctx, pfn)
	if err != nil {
		return err
	}
	if !info.Folder {
		_, err = b.run(ctx, pfn, "gfal-rm", pfn)
		return err
	}
	for _, err := range b.List(ctx, pfn) {
		if err != nil {
			return err
		}
		return errNotEmpty
	}
	_, err = b.run(ctx, pfn, "gfal-rm", "-r", pfn)
	return err
}

// gfalEntry is a line of "gfal-ls -l": mode, links, user, group, size, a time of three words, name.
var gfalEntry = regexp.MustCompile(`^([-dl])\S*\s+\d+\s+\S+\s+\S+\s+(\d+)\s+\S+\s+\d+\s+[\d:]+ (.*?)\t?$`)

// List implements Backend.
func (b *Gfal) List(ctx context.Context, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		folder, err := b.Stat(ctx, pfn)
		if err == nil && !folder.Folder {
			err = errNoFolder
		}
		var out string
		if err == nil {
			out, err = b.run(ctx, pfn, "gfal-ls", "-l", pfn)
		}
		if err != nil {
			yield(Info{}, Fail("list", pfn, Other, err))
			return
		}
		for line := range strings.Lines(out) {
			found := gfalEntry.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
			if found == nil {
				yield(Info{}, Fail("list", pfn, Other, fmt.Errorf("gfal-ls prints a line that can't be read: %q", line)))
				return
			}
			info := Info{PFN: Join(pfn, found[3]), Folder: found[1] == "d"}
			if !info.Folder {
				info.Size, err = strconv.ParseInt(found[2], 10, 64)
			}
			if !yield(info, Fail("list", pfn, Other, err)) {
				return
			}
		}
	}
}

// Space implements Backend: gfal2's commands have no common answer.
func (*Gfal) Space(_ context.Context, pfn string) (Space, error) {
	return Space{}, Fail("space", pfn, Unsupported, errors.ErrUnsupported)
}

package xrd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ToolOptions are for the installed programs.
type ToolOptions struct {
	Proxy string   // X509_USER_PROXY, the file of a proxy for GSI
	CADir string   // X509_CERT_DIR
	Env   []string // more of the environment, "NAME=value" each; it comes first
}

// Tool does what Client does by running the installed xrdcp and xrdfs, a process for each call: slower, but it speaks GSI.
// It reads from the beginning and skips what wasn't asked for.
type Tool struct {
	options      ToolOptions
	xrdcp, xrdfs string
}

// NewTool looks for the programs.
func NewTool(options ToolOptions) (*Tool, error) {
	xrdcp, err := exec.LookPath("xrdcp")
	if err != nil {
		return nil, fmt.Errorf("GSI needs the program xrdcp (package xrootd-client): %w", err)
	}
	xrdfs, err := exec.LookPath("xrdfs")
	if err != nil {
		return nil, fmt.Errorf("GSI needs the program xrdfs (package xrootd-client): %w", err)
	}
	return &Tool{options, xrdcp, xrdfs}, nil
}

// Program returns the path of xrdcp.
func (t *Tool) Program() string { return t.xrdcp }

// Close implements the interface that Client has; there is nothing to close.
func (t *Tool) Close() error { return nil }

func (t *Tool) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // PFNs are arguments, no shell reads them
	// it would wait ten minutes for a server that is not there; our callers decide about further attempts
	cmd.Env = append([]string{"XRD_CONNECTIONWINDOW=30", "XRD_CONNECTIONRETRY=2"}, cmd.Environ()...)
	cmd.Env = append(cmd.Env, t.options.Env...)
	if t.options.Proxy != "" {
		cmd.Env = append(cmd.Env, "X509_USER_PROXY="+t.options.Proxy)
	}
	if t.options.CADir != "" {
		cmd.Env = append(cmd.Env, "X509_CERT_DIR="+t.options.CADir)
	}
	cmd.WaitDelay = time.Second
	return cmd
}

// run runs xrdfs on the server of a URL; args name paths.
func (t *Tool) run(ctx context.Context, u URL, args ...string) (string, error) {
	host := URL{TLS: u.TLS, User: u.User, Host: u.Host, Port: u.Port}
	cmd := t.command(ctx, t.xrdfs, append([]string{strings.TrimRight(host.String(), "/")}, args...)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", toolError(ctx, "xrdfs "+args[0], u, complaint.String()+out.String(), err)
	}
	return strings.TrimSpace(u.without(out.String())), nil
}

var refusals = regexp.MustCompile(`\[(3\d\d\d)\] *(.*)`)

// toolError makes of a program's words what Client would have said.
func toolError(ctx context.Context, what string, u URL, said string, err error) error {
	said = strings.TrimSpace(u.without(said))
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	if m := refusals.FindStringSubmatch(said); m != nil {
		code, _ := strconv.Atoi(m[1])
		return &Error{Host: u.addr(), Code: code, Message: strings.TrimSpace(m[2])}
	}
	if i := strings.LastIndexByte(said, '\n'); i >= 0 {
		said = said[i+1:]
	}
	switch {
	case strings.Contains(said, "file exists"):
		return fmt.Errorf("%s: %s: %w", what, said, fs.ErrExist)
	case strings.Contains(said, "[FATAL] Auth failed"), strings.Contains(said, "[FATAL] TLS error"):
		return fmt.Errorf("%w to %s: %s: %s", ErrAuth, u.addr(), what, said)
	case strings.Contains(said, "[FATAL]"), strings.Contains(said, "onnection"), strings.Contains(said, "xpired"):
		return fmt.Errorf("%s: %s: %w", what, said, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("%s: %s (%w)", what, said, err)
}

// Put is Client.Put by xrdcp, which reads from a pipe. Whether the file is there is asked before as well, so that nobody
// else's is removed after an error.
func (t *Tool) Put(ctx context.Context, raw string, src io.Reader, size int64, overwrite bool) error {
	u, err := ParseURL(raw)
	if err != nil {
		return err
	}
	args := []string{"-s", "--path", "-", u.String()}
	if overwrite {
		args = append([]string{"-f"}, args...)
	} else if _, err := t.Stat(ctx, raw); err == nil {
		return fmt.Errorf("%s: %w", u.without(u.Path), fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = t.pour(ctx, u, args, src, size)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	cleaning, stop := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer stop()
	if left := t.Remove(cleaning, raw); left != nil && !errors.Is(left, fs.ErrNotExist) {
		return &HalfError{Err: err, Left: left}
	}
	return err
}

// pour runs xrdcp with a source on its standard input. A source that fails kills it: it must not take the half for the whole.
func (t *Tool) pour(ctx context.Context, u URL, args []string, src io.Reader, size int64) error {
	running, kill := context.WithCancel(ctx)
	defer kill()
	cmd := t.command(running, t.xrdcp, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("xrdcp: %w", err)
	}
	done := make(chan struct{})
	failed := t.feed(in, readAhead(src, size, done, ctx.Done()))
	close(done)
	if failed != nil {
		kill()
	}
	_ = in.Close()
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("xrdcp: %w", ctx.Err())
	case failed != nil:
		return failed
	case err != nil:
		return toolError(ctx, "xrdcp", u, complaint.String(), err)
	}
	return nil
}

// feed writes a source into the pipe. Its error is that of the source: a program that doesn't read on will tell itself why.
func (t *Tool) feed(in io.Writer, src *ahead) error {
	for {
		b, err := src.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := in.Write(b); err != nil {
			return nil //nolint:nilerr // the exit code tells
		}
		src.free(b)
	}
}

// Get is Client.Get by xrdcp.
func (t *Tool) Get(ctx context.Context, raw string, offset, length int64) (io.ReadCloser, error) {
	u, err := ParseURL(raw)
	if err != nil {
		return nil, err
	}
	info, err := t.Stat(ctx, raw)
	if err != nil {
		return nil, err
	}
	if info.Folder {
		return nil, &Error{Host: u.addr(), Code: codeIsDirectory, Message: u.without(u.Path) + " is a folder"}
	}
	left := max(info.Size-offset, 0)
	if length >= 0 {
		left = min(left, length)
	}
	if left == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	running, kill := context.WithCancel(ctx)
	r := &toolReader{ctx: ctx, kill: kill, url: u, skip: offset, left: left, cmd: t.command(running, t.xrdcp, "-s", u.String(), "-")}
	r.cmd.Stderr = &r.complaint
	if r.out, err = r.cmd.StdoutPipe(); err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		kill()
		return nil, fmt.Errorf("xrdcp: %w", err)
	}
	return r, nil
}

type toolReader struct {
	ctx        context.Context //nolint:containedctx // a reader lives as long as its Get
	kill       func()
	url        URL
	cmd        *exec.Cmd
	out        io.Reader
	complaint  bytes.Buffer
	skip, left int64
	closed     bool
}

// Read implements io.Reader.
func (r *toolReader) Read(p []byte) (n int, err error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.skip > 0 {
		n, err := io.CopyN(io.Discard, r.out, r.skip)
		r.skip -= n
		if err != nil {
			return 0, r.short(err)
		}
	}
	n, err = r.out.Read(p[:min(int64(len(p)), r.left)])
	if r.left -= int64(n); err != nil {
		err = r.short(err)
	}
	return n, err
}

// short tells why there is no more.
func (r *toolReader) short(err error) error {
	if r.left == 0 || r.closed {
		return err
	}
	r.closed = true
	if exit := r.cmd.Wait(); exit != nil {
		return toolError(r.ctx, "xrdcp", r.url, r.complaint.String(), exit)
	}
	return fmt.Errorf("xrdcp gave %d bytes less than it should: %w", r.left, noEOF(err))
}

// Close implements io.Closer.
func (r *toolReader) Close() error {
	r.kill()
	if !r.closed {
		r.closed = true
		_ = r.cmd.Wait() // it was killed, if it had not ended
	}
	return nil
}

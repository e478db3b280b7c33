package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

// serveFlags are the flags of call for programs that make many calls.
func serveFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "serve", Usage: "answer calls, a JSON object a line, until standard input ends"},
		&cli.IntFlag{Name: "parallel", Usage: "with --serve: make `N` calls at a time; answers come as they are ready", Value: 1},
	}
}

// serveDescription is what call's help tells of --serve.
const serveDescription = `
With --serve, a program in any language makes many calls through one process. It writes a request a line, and reads an
answer a line; arguments have Python's names, and results are what Python's client returns, as JSON:

  {"id": 1, "method": "get_did", "kwargs": {"scope": "test", "name": "file1"}, "client": {"account": "jdoe"}}
  {"id":1,"result":{"scope":"test", ...}}
  {"id":1,"error":{"class":"DataIdentifierNotFound","message":"...","status":404}}

args may hold positional arguments; client holds options of [client] in rucio.cfg, for this call alone. Times are written as
the server writes them: "Sat, 31 Jan 2026 12:00:00 UTC".
`

// server is a run of call --serve.
type server struct {
	p       *program
	session *session

	mu  sync.Mutex // of out: an answer is written in one go
	out *bufio.Writer
}

// serve answers the requests of standard input until it ends or a signal comes. Calls that a signal interrupts are answered
// with an error.
func (p *program) serve(c *cli.Context) error {
	switch {
	case c.NArg() > 0:
		return fail.Hint(usagef("call: unexpected argument %q beside --serve", c.Args().First()), "with --serve, methods come from standard input")
	case c.IsSet("json"):
		return fail.Hint(usagef("call: --json does not go with --serve"), "with --serve, arguments come from standard input")
	}
	p.format = "" // nothing but answers on standard output
	log := p.logger(c)
	ctx, off := p.withSignals(c.Context, func(sig os.Signal) { log.Info("stopped by signal: " + sig.String()) }, func() {})
	defer off()
	// Answers do not pass the redactor: it would change data that happens to hold the text of a secret.
	s := &server{p: p, session: p.newSession(c, "call"), out: bufio.NewWriterSize(p.plain, 64<<10)}
	return s.run(ctx, c.Int("parallel"))
}

// run hands the lines of standard input to n workers.
func (s *server) run(ctx context.Context, n int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lines, read := make(chan []byte), make(chan error, 1)
	go func() { // on its own: nothing but the other side ends a read
		defer close(lines)
		read <- readLines(ctx, s.p.Stdin, lines)
	}()
	var workers sync.WaitGroup
	for range n {
		workers.Go(func() {
			if err := s.work(ctx, lines); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	var signal *interrupted
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &signal):
		return end(fail.Interrupted)
	case cause != nil:
		return cause
	}
	return <-read
}

// readLines sends each line of r that is not blank.
func readLines(ctx context.Context, r io.Reader, lines chan<- []byte) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			select {
			case lines <- line:
			case <-ctx.Done():
				return nil
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read standard input: %w", err)
		}
	}
}

// work answers lines until there are no more, ctx ends, or nobody reads the answers.
func (s *server) work(ctx context.Context, lines <-chan []byte) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				return nil
			}
			if err := s.answer(ctx, line); err != nil {
				return fmt.Errorf("write an answer: %w", err)
			}
		}
	}
}

// answer makes the call that a line asks for and writes its answer. An error is one of writing.
func (s *server) answer(ctx context.Context, line []byte) error {
	var out map[string]json.RawMessage
	r, err := readRequest(line)
	result := &spill{temp: s.p.TempFile, limit: spillLimit}
	defer result.Close()
	if err == nil {
		out, err = s.call(ctx, r, result)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, `{"id":%s,`, cmp.Or(string(r.ID), "null"))
	if err == nil {
		s.out.WriteString(`"result":`)
		if _, err := result.WriteTo(s.out); err != nil {
			return err
		}
	} else {
		s.out.WriteString(`"error":`)
		e := newServeError(err)
		e.Message = s.p.redactor.String(e.Message)
		s.out.Write(e.json())
	}
	if len(out) > 0 {
		s.out.WriteString(`,"out":`)
		s.out.Write(outJSON(out))
	}
	s.out.WriteString("}\n")
	return s.out.Flush() // a bufio.Writer keeps its first error
}

// call makes one call and writes what Python's client would return. out are the arguments that it would have filled in place.
func (s *server) call(ctx context.Context, r request, result *spill) (out map[string]json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fail.Errorf(fail.Internal, "a bug: %v", r)
			s.p.log.Error(fmt.Sprintf("%v; please report it with these lines:\n%s", err, debug.Stack()))
		}
	}()
	method, args, err := r.bind()
	if err != nil {
		return nil, err
	}
	settings, err := r.settings()
	if err != nil {
		return nil, err
	}
	client, err := s.session.client(settings)
	if err == nil {
		out, err = s.send(ctx, client, method, args, result)
	}
	if isLogin(err) {
		s.session.forget(settings) // whatever is wrong may be put right while we run
	}
	return out, err
}

func (s *server) send(ctx context.Context, client *rucio.Client, m *catalog.Method, args catalog.Args, result *spill) (map[string]json.RawMessage, error) {
	answer, err := m.Call(ctx, client, args)
	switch {
	case err != nil:
	case answer.Rows == nil:
		err = writeValue(result, answer.Value)
	case isText(m, args):
		err = writeOnly(result, answer.Rows)
	default:
		err = writeRows(result, answer.Rows)
	}
	return answer.Out, err
}

// isLogin tells whether there was no client, or no token for it.
func isLogin(err error) bool {
	var setting *config.Error
	var login *auth.Error
	return errors.As(err, &setting) || errors.As(err, &login)
}

// forget makes client begin anew with these changes.
func (s *session) forget(changes map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, clientKey(changes))
}

// clientKey tells changes of [client] apart.
func clientKey(changes map[string]string) string { return fmt.Sprintf("%q", changes) } // sorted by fmt

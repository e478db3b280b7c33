package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

func (p *program) storageCpCommand(recursive cli.Flag) *cli.Command {
	return &cli.Command{
		Name: "cp", Usage: "copy to, from and between storages", ArgsUsage: "FROM... TO",
		Description: aboutPFNs + `
Bytes stream through this machine from one storage to the other; what the storages know of checksums is compared. What is there
already is left, and an error, unless --force is given. When TO is a folder, or ends with a slash, copies go into it.

examples:
$ rucio-task-manager storage cp file.dat davs://door.example.org:443/data/test/
$ rucio-task-manager storage cp root://a.example.org//data/file s3://b.example.org/bucket/file
$ rucio-task-manager storage cp -r davs://door.example.org:443/data/test ./copies
`,
		Flags: []cli.Flag{
			recursive, &cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "overwrite what is there"},
			&cli.BoolFlag{Name: "no-checksum", Usage: "compare sizes only"},
			workersFlag(), outputFlag("`FORMAT` of the answer", "text", "json", "jsonl"),
		},
		Before: atLeast(2), Action: p.storageCp,
	}
}

// workersFlag is --workers of commands that move files.
func workersFlag() cli.Flag {
	return &cli.IntFlag{Name: "workers", Category: catHow, Usage: "move `N` files at a time", Value: 8}
}

// copying is a copy to be made, and what became of it.
type copying struct {
	From      string  `json:"from"`
	To        string  `json:"to"`
	Bytes     int64   `json:"bytes"`
	Algorithm string  `json:"algorithm,omitempty"`
	Checksum  string  `json:"checksum,omitempty"`
	Verified  bool    `json:"verified"`
	Seconds   float64 `json:"seconds"`
	Error     string  `json:"error,omitempty"`

	err error
}

// copier is a storage cp.
type copier struct {
	session  *session
	force    bool
	size     bool // is all that is compared
	progress transfer.Progress
}

func (p *program) storageCp(c *cli.Context) error {
	ctx, off := p.interruptible(c)
	defer off()
	k := &copier{session: p.newSession(c, "storage"), force: c.Bool("force"), size: c.Bool("no-checksum")}
	todo, err := k.plan(ctx, c.Args().Slice(), c.Bool("recursive"))
	if err != nil {
		return classify(err)
	}
	var done func()
	k.progress, done = p.progressOf(c, slog.LevelInfo)
	defer done()
	began := p.Now()
	k.run(ctx, todo, c.Int("workers"))
	done()
	return p.printCopies(ctx, c, todo, p.Now().Sub(began))
}

// plan finds out what goes where.
func (k *copier) plan(ctx context.Context, args []string, recursive bool) ([]*copying, error) {
	last := len(args) - 1
	to, err := place(args[last])
	if err != nil {
		return nil, err
	}
	door, err := k.session.door(to)
	if err != nil {
		return nil, err
	}
	info, err := door.Stat(ctx, to)
	into := err == nil && info.Folder || strings.HasSuffix(to, "/")
	if last > 1 && !into {
		return nil, fail.Hint(usagef("cp: several files cannot become one, %s, which is no folder", shown(to)), "write %s/ to make it one", args[last])
	}
	var todo []*copying
	for _, arg := range args[:last] {
		from, err := place(arg)
		if err != nil {
			return nil, err
		}
		target := to
		if into {
			target = storage.Join(to, storage.Base(from))
		}
		if target == from { // some storages empty what is overwritten before they read
			return nil, usagef("cp: %s would be copied to itself", shown(from))
		}
		if todo, err = k.planOne(ctx, todo, from, target, recursive); err != nil {
			return nil, err
		}
	}
	return todo, nil
}

func (k *copier) planOne(ctx context.Context, todo []*copying, from, to string, recursive bool) ([]*copying, error) {
	door, err := k.session.door(from)
	if err != nil {
		return nil, err
	}
	info, err := door.Stat(ctx, from)
	switch {
	case err != nil:
		return nil, err
	case !info.Folder:
		return append(todo, &copying{From: from, To: to, Bytes: info.Size}), nil
	case !recursive:
		return nil, fail.Hint(usagef("cp: %s is a folder", shown(from)), "storage cp -r copies it with all that it holds")
	}
	for info, err := range storage.Walk(ctx, door, from) {
		if err != nil {
			return nil, err
		}
		if !info.Folder {
			todo = append(todo, &copying{From: info.PFN, To: storage.Join(to, storage.Rel(from, info.PFN)), Bytes: info.Size})
		}
	}
	return todo, nil
}

// run makes the copies, some at a time.
func (k *copier) run(ctx context.Context, todo []*copying, workers int) {
	var bytes int64
	for _, one := range todo {
		bytes += one.Bytes
	}
	k.progress.Plan(len(todo), bytes)
	queue := make(chan *copying)
	var group sync.WaitGroup
	for range min(workers, len(todo)) {
		group.Go(func() {
			for one := range queue {
				if one.err = ctx.Err(); one.err == nil {
					k.copy(ctx, one)
				}
			}
		})
	}
	for _, one := range todo {
		queue <- one
	}
	close(queue)
	group.Wait()
}

func (k *copier) copy(ctx context.Context, one *copying) {
	name := shown(one.From)
	k.progress.Start(name, one.Bytes)
	began := time.Now()
	one.err = k.transfer(ctx, one, func(n int64) { k.progress.Moved(name, n) })
	one.Seconds = time.Since(began).Seconds()
	k.progress.End(name, one.err)
}

func (k *copier) transfer(ctx context.Context, one *copying, moved func(int64)) error {
	from, err := k.session.door(one.From)
	if err != nil {
		return err
	}
	to, err := k.session.door(one.To)
	if err != nil {
		return err
	}
	done, err := storage.Copy(ctx, from, one.From, to, one.To, storage.CopyOptions{Overwrite: k.force, Unchecked: k.size, Moved: moved})
	if err != nil {
		if storage.Is(err, storage.Exists) && !k.force {
			return fail.Hint(err, "--force overwrites what is there")
		}
		return err
	}
	one.Bytes, one.Algorithm, one.Checksum, one.Verified = done.Bytes, done.Algorithm, done.Checksum, done.Verified
	return nil
}

// printCopies tells what became of the copies.
func (p *program) printCopies(ctx context.Context, c *cli.Context, todo []*copying, took time.Duration) error {
	out := newObjects(p, c.String("output"))
	var errs []error
	t := total{took: took}
	unverified := 0
	for _, one := range todo {
		if one.err != nil {
			one.Error = one.err.Error()
			if ctx.Err() == nil {
				errs = append(errs, classify(one.err))
			}
			t.failed++
		} else if t.add(one.Bytes); !one.Verified {
			unverified++
		}
		if !out.text() {
			if err := out.add(one); err != nil {
				return err
			}
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	why := "their storages know none, only sizes were compared"
	if c.Bool("no-checksum") {
		why = "only sizes were compared"
	}
	if out.text() {
		fmt.Fprintln(p.Stdout, t.text("copied"))
		if unverified > 0 {
			fmt.Fprintf(p.Stdout, "%d without a checksum: %s\n", unverified, why)
		}
	}
	if ctx.Err() != nil {
		return fail.With(fail.Interrupted, context.Cause(ctx))
	}
	return together(errs)
}

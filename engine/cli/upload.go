package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

func (p *program) uploadCommand() *cli.Command {
	return &cli.Command{
		Name: "upload", Usage: "upload files to an RSE and register them", ArgsUsage: "FILE|FOLDER...",
		Description: `
Files move first, several at a time, under a temporary name where the storage has one; size and checksum are verified there; then
they are registered, with a rule that keeps them. What is there already, whole, is not sent again: an upload that was interrupted
goes on when it is made again. A folder stands for the files in it, and what else is in it is skipped; with --recursive it becomes a
container, and the folders with files in it datasets.

A file that cannot be uploaded keeps no other from being so; its reason is told at the end, and the exit code is not 0.

examples:
$ rucio-task-manager upload data.fits --rse SITE_DISK --scope test
$ rucio-task-manager upload run1/*.dat --rse SITE_DISK --scope test --dataset test:run1 --lifetime 24h
$ rucio-task-manager upload archive/ --recursive --rse 'tier=1' --scope test --workers 16 --output json
`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "rse", Usage: "upload to this `RSE`; of an expression, to one of those that take writes"},
			&cli.StringFlag{Name: "scope", Usage: "`SCOPE` of the new files (default: user.ACCOUNT)"},
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the new file, when there is one (default: that on this machine)"},
			&cli.StringFlag{Name: "dataset", Usage: "add the files to this dataset, `SCOPE:NAME`; it is made if need be"},
			&cli.DurationFlag{Name: "lifetime", Usage: "the rule ends after `DURATION` (3600, 24h); by default never"},
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"r"}, Usage: "make containers and datasets of folders"},
			&cli.StringFlag{Name: "guid", Usage: "`GUID` of the file, when there is one"},
			&cli.StringFlag{Name: "activity", Usage: "`ACTIVITY` of the rules"},
			&cli.BoolFlag{Name: "register-after-upload", Usage: "replace what is at the file's place, but is not registered"},
			&cli.BoolFlag{Name: "no-register", Usage: "leave the catalogue alone; for experts, the bytes are lost to Rucio"},
			&cli.BoolFlag{Name: "ignore-availability", Usage: "also to an RSE that is closed for writing"},
			&pathFlag{&cli.StringFlag{Name: "summary", Category: catOut, Usage: "write what was uploaded to `FILE`, as Python's client does"}},
			outputFlag("`FORMAT` of the answer", "text", "json", "jsonl"),
		}, transferFlags()...),
		Before: atLeast(1), Action: p.upload,
	}
}

// transferFlags are those that uploads and downloads share.
func transferFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "protocol", Category: catHow, Usage: "only by this `SCHEME`: davs, root ..."},
		&cli.StringFlag{Name: "impl", Category: catHow, Usage: "only by protocols of this `IMPL`: gfal, xrootd ..."},
		&cli.StringFlag{Name: "pfn", Category: catHow, Usage: "exactly at this `PFN`, when there is one file"},
		&cli.DurationFlag{Name: "transfer-timeout", Category: catHow, Usage: "give a file up after `DURATION`"},
		workersFlag(),
	}
}

func (p *program) upload(c *cli.Context) error {
	items, err := p.uploadItems(c)
	if err != nil {
		return err
	}
	ctx, off := p.interruptible(c)
	defer off()
	s := p.newSession(c, "upload")
	progress, done := p.progressOf(c, slog.LevelDebug)
	defer done()
	s.progress, s.workers = progress, c.Int("workers")
	client, err := s.client(nil)
	if err != nil {
		return err
	}
	began := p.Now()
	results, err := transfer.UploadFiles(ctx, client, items, &transfer.UploadOptions{
		SummaryFilePath: c.String("summary"), IgnoreAvailability: c.Bool("ignore-availability"), Activity: c.String("activity"),
	})
	done()
	err = nearRSE(ctx, client, c.String("rse"), err)
	return p.printUploads(ctx, c, results, err, p.Now().Sub(began))
}

// nearRSE adds to a refusal of an RSE the names that may have been meant.
func nearRSE(ctx context.Context, client *rucio.Client, name string, err error) error {
	if !errors.Is(err, rucio.ErrInvalidRSEExpression) {
		return err
	}
	var names []string
	for rse, failed := range client.ListRSEs(ctx, nil) {
		if failed != nil {
			return err // which has a hint already
		}
		names = append(names, rse.RSE)
	}
	return near(err, name, names, "")
}

// uploadItems are the files to upload, as Python's client takes them.
func (p *program) uploadItems(c *cli.Context) ([]transfer.Item, error) {
	paths := c.Args().Slice()
	if slices.Contains(paths, "-") {
		return nil, fail.Hint(usagef("upload: - is no file: the size of standard input is not known before its end"), "write it to a file first; of a file of this name, ./- is the path")
	}
	if c.String("rse") == "" {
		return nil, fail.Hint(usagef("upload: it is not said where to"), "--rse SITE_DISK; `%s call list_rses` lists those that there are", programName)
	}
	for _, flag := range []string{"name", "guid", "pfn"} {
		if len(paths) > 1 && c.String(flag) != "" {
			return nil, usagef("upload: --%s is for one file, and there are %d", flag, len(paths))
		}
	}
	if c.Bool("no-register") && (c.String("dataset") != "" || c.IsSet("lifetime")) {
		return nil, usagef("upload: --no-register leaves no file that --dataset or --lifetime could be about")
	}
	base := transfer.Item{"rse": c.String("rse")}
	for flag, key := range map[string]string{
		"scope": "did_scope", "name": "did_name", "guid": "guid", "pfn": "pfn", "protocol": "force_scheme", "impl": "impl",
	} {
		if value := c.String(flag); value != "" {
			base[key] = value
		}
	}
	for flag, key := range map[string]string{"recursive": "recursive", "register-after-upload": "register_after_upload", "no-register": "no_register"} {
		if c.Bool(flag) {
			base[key] = true
		}
	}
	if dataset := c.String("dataset"); dataset != "" {
		scope, name, ok := strings.Cut(dataset, ":")
		if !ok || scope == "" || name == "" {
			return nil, fail.Hint(usagef("--dataset: %q is no DID", dataset), "write scope:name")
		}
		base["dataset_scope"], base["dataset_name"] = scope, name
	}
	if c.IsSet("lifetime") {
		seconds := int(c.Duration("lifetime").Seconds())
		if seconds < 1 { // whose rule ends before anybody sees the file
			return nil, fail.Hint(usagef("--lifetime: %v is less than a second", c.Duration("lifetime")), "without it the rule never ends")
		}
		base["lifetime"] = seconds
	}
	if err := p.addTimeouts(c, "upload", base); err != nil {
		return nil, err
	}
	items := make([]transfer.Item, len(paths))
	for i, path := range paths {
		items[i] = transfer.Item{"path": path}
		for key, value := range base {
			items[i][key] = value
		}
	}
	return items, nil
}

// addTimeouts adds how long a file may take: as the flag says, else as [upload] or [download] of rucio.cfg does.
func (p *program) addTimeouts(c *cli.Context, section string, item transfer.Item) error {
	if c.IsSet("transfer-timeout") {
		if c.Duration("transfer-timeout") == 0 {
			return fail.Hint(usagef("--transfer-timeout: no file moves in no time"), "without it a file may take as long as it takes")
		}
		item["transfer_timeout"] = c.Duration("transfer-timeout").Seconds()
		return nil
	}
	cfg, err := p.loadConfig(c, nil)
	if err != nil {
		return err
	}
	for _, option := range []string{"transfer_timeout", "transfer_speed_timeout"} {
		value, err := cfg.Get(section, option)
		if err != nil {
			return classify(err)
		}
		if !value.IsSet() || section == "upload" && option != "transfer_timeout" {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value.Text()), 64)
		if err != nil || n <= 0 {
			return fail.Errorf(fail.Config, "%s: %s of [%s] is %q, no number of seconds", value.Origin, option, section, value)
		}
		item[option] = n
	}
	return nil
}

// printUploads tells what became of the files. err is that of the upload; without results nothing was sent.
func (p *program) printUploads(ctx context.Context, c *cli.Context, results []transfer.Uploaded, err error, took time.Duration) error {
	if len(results) == 0 {
		return p.ended(ctx, err)
	}
	t := total{took: took}
	var errs []error
	files := make([]any, len(results))
	for i, r := range results {
		files[i] = r
		switch r.State {
		case transfer.UploadDone:
			t.add(r.Bytes)
		case transfer.UploadAlready:
			t.already++
		case transfer.UploadSkipped:
			if t.skipped++; slices.Contains(c.Args().Slice(), r.Path) { // somebody wanted this one; in a folder there may be anything
				errs = append(errs, fmt.Errorf("%s: %s", r.Path, r.Reason))
			}
		case transfer.UploadFailed:
			t.failed++
			errs = append(errs, classify(fmt.Errorf("%s: %w", r.Path, r.Err)))
		}
	}
	if len(errs) == 0 && err != nil { // the summary could not be written, say
		errs = append(errs, classify(err))
	}
	end := together(errs)
	if ctx.Err() != nil {
		end = p.ended(ctx, err)
	}
	return p.printTransfers(c, "uploaded", files, t, end)
}

// ended is how a command ends that a signal may have stopped.
func (p *program) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fail.With(fail.Interrupted, context.Cause(ctx))
	}
	return classify(err)
}

// printTransfers prints files and the total, in the format that was asked for, and returns end, the error with which the command
// ends, unless nothing can be printed.
func (p *program) printTransfers(c *cli.Context, verb string, files []any, t total, end error) error {
	switch c.String("output") {
	case "json":
		answer := map[string]any{"files": files, "total": t.object()}
		if end != nil {
			answer["error"] = newErrorObject(end)
		}
		p.format = "" // the answer is one document, and whole
		return cmp.Or(p.printJSON(answer), end)
	case "jsonl":
		out := newObjects(p, "jsonl")
		for _, file := range append(files, map[string]any{"total": t.object()}) {
			if err := out.add(file); err != nil {
				return err
			}
		}
		return end
	}
	_, err := fmt.Fprintln(p.Stdout, t.text(verb))
	return cmp.Or(err, end)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

func (p *program) downloadCommand() *cli.Command {
	return &cli.Command{
		Name: "download", Usage: "download files, datasets and containers", ArgsUsage: "[SCOPE:NAME...]",
		Description: `
A file goes to DIR/SCOPE/NAME, a file of a dataset or container to DIR/COLLECTION/NAME. Several files move at a time, a large one
in several streams where its protocol has them; checksums are verified while bytes are written, under a temporary name. What is
there already, with the right checksum, is left; one with another is replaced. A file that was interrupted goes on where it was.
When a replica fails, the next one is tried. A name may have wildcards.

A file that cannot be downloaded keeps no other from being so; its reason is told at the end, and the exit code is not 0.

examples:
$ rucio-task-manager download test:data.fits
$ rucio-task-manager download test:run1 --dir /data --rse 'country=UK' --protocol davs --workers 16
$ rucio-task-manager download test:run1 --nrandom 3 --no-subdir --output json
$ rucio-task-manager download --scope test --filter created_after=2026-01-01T00:00:00.000Z --filter project=x
$ rucio-task-manager download --metalink replicas.meta4
`,
		Flags: append([]cli.Flag{
			&pathFlag{&cli.StringFlag{Name: "dir", Usage: "put files below `DIR` (default: where you are)", Value: "."}},
			&cli.StringFlag{Name: "rse", Usage: "only replicas at the RSEs of this `EXPRESSION`"},
			&cli.StringFlag{Name: "scope", Usage: "`SCOPE` of names without one, and of --filter"},
			&cli.StringSliceFlag{Name: "filter", Usage: "only what has this metadata, `NAME=VALUE`; also with >, >=, <, <="},
			&cli.IntFlag{Name: "nrandom", Usage: "`N` files of each DID, by chance"},
			&cli.BoolFlag{Name: "no-subdir", Usage: "make no folder for the scope or collection"},
			&pathFlag{&cli.StringFlag{Name: "metalink", Usage: "what this metalink `FILE` names"}},
			&cli.BoolFlag{Name: "allow-tape", Usage: "also from tape, which may take long"},
			&cli.BoolFlag{Name: "no-resolve-archives", Usage: "do not look for files within archives"},
			&cli.BoolFlag{Name: "ignore-checksum", Category: catHow, Usage: "do not verify checksums"},
			&cli.BoolFlag{Name: "check-local-with-filesize-only", Category: catHow, Usage: "a file that is there is the right one when its size is"},
			outputFlag("`FORMAT` of the answer", "text", "json", "jsonl"),
		}, transferFlags()...),
		Action: p.download,
	}
}

func (p *program) download(c *cli.Context) error {
	items, err := p.downloadItems(c)
	if err != nil {
		return err
	}
	ctx, off := p.interruptible(c)
	defer off()
	s := p.newSession(c, "download")
	progress, done := p.progressOf(c, slog.LevelDebug)
	defer done()
	s.progress, s.workers, s.allowTape = progress, c.Int("workers"), c.Bool("allow-tape")
	client, err := s.client(nil)
	if err != nil {
		return err
	}
	began := p.Now()
	results, err := fetch(ctx, c, client, items)
	done()
	err = nearRSE(ctx, client, c.String("rse"), err)
	return p.printDownloads(ctx, c, results, err, p.Now().Sub(began))
}

// fetch downloads by the way that the flags tell.
func fetch(ctx context.Context, c *cli.Context, client *rucio.Client, items []transfer.Item) ([]transfer.Item, error) {
	switch {
	case c.String("metalink") != "":
		return transfer.DownloadFromMetalinkFile(ctx, client, items[0], c.String("metalink"), nil)
	case c.String("pfn") != "":
		if err := identify(ctx, client, items[0]); err != nil {
			return nil, err
		}
		return transfer.DownloadPFNs(ctx, client, items, nil)
	}
	return transfer.DownloadDIDs(ctx, client, items, nil)
}

// identify adds what Rucio knows of a PFN to its item: the RSE that it is at, and size and checksums to verify it by.
func identify(ctx context.Context, client *rucio.Client, item transfer.Item) error {
	scope, name, _ := strings.Cut(item["did"].(string), ":")
	for replica, err := range client.ListReplicas(ctx, []rucio.DID{{Scope: scope, Name: name}}, &rucio.ListReplicasOptions{AllStates: true}) {
		if err != nil {
			return err
		}
		for rse, pfns := range replica.RSEs {
			if slices.Contains(pfns, item["pfn"].(string)) && item["rse"] == nil {
				item["rse"] = rse
			}
		}
		item["adler32"], item["md5"] = replica.Adler32, replica.MD5
		if replica.Bytes != nil {
			item["bytes"] = *replica.Bytes
		}
	}
	if item["rse"] == nil {
		return fail.Hint(usagef("download: Rucio does not know at which RSE %s has this PFN", item["did"]), "name it by --rse")
	}
	return nil
}

// downloadItems are what to download, as Python's client takes it.
func (p *program) downloadItems(c *cli.Context) ([]transfer.Item, error) {
	base, err := downloadBase(c)
	if err == nil {
		err = p.addTimeouts(c, "download", base)
	}
	if err != nil {
		return nil, err
	}
	words, metalink, scope := c.Args().Slice(), c.String("metalink"), c.String("scope")
	switch {
	case metalink != "" && (len(words) > 0 || base["filters"] != nil):
		return nil, usagef("download: a metalink says what to download; there can be neither DIDs nor --filter beside it")
	case metalink != "":
		return []transfer.Item{base}, nil
	case len(words) == 0 && base["filters"] == nil:
		return nil, fail.Hint(usagef("download: it is not said what"), "name DIDs (scope:name), or say --scope and --filter, or --metalink")
	case len(words) == 0 && scope == "":
		return nil, fail.Hint(usagef("download: --filter alone would look through everything"), "say --scope too")
	case len(words) != 1 && c.String("pfn") != "":
		return nil, usagef("download: --pfn is for one file, and there are %d", len(words))
	case len(words) == 0:
		return []transfer.Item{base}, nil
	}
	items := make([]transfer.Item, len(words))
	for i, word := range words {
		if !strings.Contains(word, ":") && scope != "" {
			word = scope + ":" + word
		}
		if in, name, _ := strings.Cut(word, ":"); in == "" || name == "" {
			return nil, fail.Hint(usagef("download: %q is no DID", word), "write scope:name, or say --scope")
		}
		items[i] = maps.Clone(base)
		items[i]["did"] = word
	}
	return items, nil
}

// downloadBase is what all items have.
func downloadBase(c *cli.Context) (transfer.Item, error) {
	base := transfer.Item{"base_dir": c.String("dir")}
	for flag, key := range map[string]string{"rse": "rse", "pfn": "pfn", "protocol": "force_scheme", "impl": "impl"} {
		if value := c.String(flag); value != "" {
			base[key] = value
		}
	}
	for flag, key := range map[string]string{
		"no-subdir": "no_subdir", "ignore-checksum": "ignore_checksum", "no-resolve-archives": "no_resolve_archives",
		"check-local-with-filesize-only": "check_local_with_filesize_only",
	} {
		if c.Bool(flag) {
			base[key] = true
		}
	}
	if c.IsSet("nrandom") {
		base["nrandom"] = c.Int("nrandom")
	}
	filters, err := filtersOf(c.StringSlice("filter"))
	if err != nil || filters == nil {
		return base, err
	}
	if scope := c.String("scope"); scope != "" {
		filters["scope"] = scope
	}
	base["filters"] = filters
	return base, nil
}

// operators are those of filters, and what Rucio writes behind the name for them.
var operators = []struct{ sign, suffix string }{{">=", ".gte"}, {"<=", ".lte"}, {"!=", ".ne"}, {">", ".gt"}, {"<", ".lt"}, {"=", ""}}

// filtersOf reads NAME=VALUE, with any of the operators.
func filtersOf(words []string) (map[string]any, error) {
	if len(words) == 0 {
		return nil, nil
	}
	filters := map[string]any{}
	for _, word := range words {
		for i, operator := range operators {
			name, value, ok := strings.Cut(word, operator.sign)
			if ok && name != "" {
				filters[strings.TrimSpace(name)+operator.suffix] = filterValue(strings.TrimSpace(value))
				break
			}
			if i == len(operators)-1 {
				return nil, fail.Hint(usagef("--filter: %q is no filter", word), "write NAME=VALUE, or with >, >=, <, <=, != in place of =")
			}
		}
	}
	return filters, nil
}

// filterValue is a whole number, a boolean as the server has them, or text.
func filterValue(text string) any {
	switch strings.ToLower(text) {
	case "true":
		return "1"
	case "false":
		return "0"
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return text
}

// downloaded tells machines of a file.
type downloaded struct {
	DID      string   `json:"did"`
	Paths    []string `json:"paths"`
	Bytes    any      `json:"bytes,omitempty"`
	Adler32  any      `json:"adler32,omitempty"`
	MD5      any      `json:"md5,omitempty"`
	State    string   `json:"state"`
	Reason   string   `json:"reason,omitempty"`
	Attempts any      `json:"attempts,omitempty"`
}

func newDownloaded(item transfer.Item) downloaded {
	d := downloaded{Paths: []string{}, Bytes: item["bytes"], Adler32: item["adler32"], MD5: item["md5"], Attempts: item["attemptnr"]}
	scope, _ := item["scope"].(string)
	name, _ := item["name"].(string)
	d.DID = scope + ":" + name
	d.State, _ = item["clientState"].(string)
	d.Reason, _ = item["stateReason"].(string)
	if paths, ok := item["dest_file_paths"].([]string); ok {
		d.Paths = paths
	}
	return d
}

// printDownloads tells what became of the files. err is that of the download; without results nothing was begun.
func (p *program) printDownloads(ctx context.Context, c *cli.Context, results []transfer.Item, err error, took time.Duration) error {
	if len(results) == 0 {
		return p.ended(ctx, err)
	}
	t := total{took: took}
	files := []any{}
	for _, item := range flat(results) {
		d := newDownloaded(item)
		files = append(files, d)
		switch d.State {
		case "DONE":
			bytes, _ := item["bytes"].(int64)
			t.add(bytes)
		case "ALREADY_DONE":
			t.already++
		default:
			t.failed++
		}
	}
	return p.printTransfers(c, "downloaded", files, t, p.endOfDownload(ctx, err))
}

// endOfDownload makes of what a download returns the error with which the command ends: the reason of each file.
func (p *program) endOfDownload(ctx context.Context, err error) error {
	var failed *transfer.DownloadError
	if ctx.Err() != nil || !errors.As(err, &failed) {
		return p.ended(ctx, err)
	}
	var errs []error
	for _, f := range failed.Failed {
		errs = append(errs, classify(fmt.Errorf("%s: %w", f.DID, f.Err)))
	}
	return together(errs)
}

// flat replaces archives by the files that came out of them.
func flat(items []transfer.Item) (all []transfer.Item) {
	for _, item := range items {
		if inner, ok := item["archive_items"].([]transfer.Item); ok {
			all = append(all, inner...)
			continue
		}
		all = append(all, item)
	}
	return all
}

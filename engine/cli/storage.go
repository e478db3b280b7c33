package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// aboutPFNs is what all commands of storage have in their help.
const aboutPFNs = `
A PFN is a URL such as davs://door.example.org:443/path, root://, s3://, https:// or file://; what has no :// is a path of this
machine. Storages let in whom they let in for uploads: with the certificate or proxy, or over TLS with the token, of the
configuration; s3:// with the keys in rse-accounts.cfg or AWS_ACCESS_KEY_ID. Rucio is not asked, and does not learn of it.
`

func (p *program) storageCommand() *cli.Command {
	recursive := func(usage string) cli.Flag {
		return &cli.BoolFlag{Name: "recursive", Aliases: []string{"r"}, Usage: usage}
	}
	return &cli.Command{
		Name:  "storage",
		Usage: "look at storages, and copy and remove what is there, by PFN",
		Subcommands: []*cli.Command{
			{
				Name: "ls", Usage: "list folders", ArgsUsage: "PFN...",
				Description: aboutPFNs + `
examples:
$ rucio-task-manager storage ls -l davs://door.example.org:443/data/test
$ rucio-task-manager storage ls -r /data --output jsonl
`,
				Flags: []cli.Flag{
					recursive("also what folders hold"), &cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "with size and time"},
					outputFlag("`FORMAT` of the list", "text", "json", "jsonl"),
				},
				Before: atLeast(1), Action: p.storageLs,
			},
			{
				Name: "stat", Usage: "tell size, kind and time", ArgsUsage: "PFN...",
				Description: aboutPFNs + `
examples:
$ rucio-task-manager storage stat root://xrd.example.org:1094//data/file
$ rucio-task-manager storage stat s3://s3.example.org/bucket/key --output json
`,
				Flags:  []cli.Flag{outputFlag("`FORMAT` of the answer", "text", "json", "jsonl")},
				Before: atLeast(1), Action: p.storageStat,
			},
			{
				Name: "checksum", Usage: "tell checksums", ArgsUsage: "PFN...",
				Description: aboutPFNs + `
A storage that knows no checksum of this kind is read for it.

examples:
$ rucio-task-manager storage checksum davs://door.example.org:443/data/file
$ rucio-task-manager storage checksum --algorithm md5 file.dat
`,
				Flags: []cli.Flag{
					choice("algorithm", "", "`NAME` of the checksum", "adler32", "md5"), outputFlag("`FORMAT` of the answer", "text", "json", "jsonl"),
				},
				Before: atLeast(1), Action: p.storageChecksum,
			},
			p.storageCpCommand(recursive("copy folders with what they hold")),
			{
				Name: "mkdir", Usage: "make folders, with those above them", ArgsUsage: "PFN...",
				Description: aboutPFNs + `
examples:
$ rucio-task-manager storage mkdir davs://door.example.org:443/data/new/folder
$ rucio-task-manager storage mkdir root://xrd.example.org:1094//data/a root://xrd.example.org:1094//data/b
`,
				Before: atLeast(1), Action: p.storageMkdir,
			},
			{
				Name: "rm", Usage: "remove objects and folders", ArgsUsage: "PFN...",
				Description: aboutPFNs + `
What Rucio has registered is lost to it: to remove a file of Rucio's, let its rules end.

examples:
$ rucio-task-manager storage rm davs://door.example.org:443/data/file
$ rucio-task-manager storage rm -r davs://door.example.org:443/data/test
`,
				Flags:  []cli.Flag{recursive("also folders with what they hold")},
				Before: atLeast(1), Action: p.storageRm,
			},
		},
	}
}

// atLeast makes a Before that wants arguments.
func atLeast(n int) cli.BeforeFunc {
	return func(c *cli.Context) error {
		if c.NArg() < n {
			return fail.Hint(usagef("%s: too few arguments", c.Command.Name), "usage: %s %s %s", programName, commandPath(c), c.Command.ArgsUsage)
		}
		return nil
	}
}

// place makes a PFN of an argument.
func place(arg string) (string, error) {
	if arg == "" {
		return "", usagef("an argument is empty: a PFN or a path is wanted")
	}
	if strings.Contains(arg, "://") {
		return arg, nil
	}
	slash := strings.HasSuffix(arg, "/")
	path, err := filepath.Abs(arg)
	if slash && path != "/" {
		path += "/" // a folder is meant
	}
	return "file://" + path, err
}

// shown is a PFN as people read it: without signatures, a path of this machine as such.
func shown(pfn string) string { return strings.TrimPrefix(storage.Public(pfn), "file://") }

// eachPFN calls do for each argument with its PFN and the way to it. An argument that fails does not keep the others from
// being done; all errors are returned, each with its exit code.
func (p *program) eachPFN(c *cli.Context, do func(ctx context.Context, door storage.Backend, pfn string) error) error {
	ctx, off := p.interruptible(c)
	defer off()
	session := p.newSession(c, "storage")
	var errs []error
	for _, arg := range c.Args().Slice() {
		pfn, err := place(arg)
		if err == nil {
			var door storage.Backend
			if door, err = session.door(pfn); err == nil {
				err = do(ctx, door, pfn)
			}
		}
		if ctx.Err() != nil {
			return fail.With(fail.Interrupted, context.Cause(ctx))
		}
		if err != nil {
			errs = append(errs, classify(err))
		}
	}
	return together(errs)
}

// together joins errors; the exit code is the gravest.
func together(errs []error) error {
	code := fail.OK
	for _, err := range errs {
		code = fail.Worse(code, fail.CodeOf(err))
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return fail.With(code, errors.Join(errs...))
}

// door returns the way to a PFN.
func (s *session) door(pfn string) (storage.Backend, error) {
	mover, err := s.mover()
	if err != nil {
		return nil, err
	}
	return mover.Door(pfn)
}

// infoObject tells machines of an object or folder.
type infoObject struct {
	PFN      string     `json:"pfn"`
	Name     string     `json:"name"`
	Size     int64      `json:"size"`
	Folder   bool       `json:"folder"`
	Modified *time.Time `json:"modified,omitempty"`
}

func newInfoObject(info storage.Info) infoObject {
	o := infoObject{PFN: info.PFN, Name: storage.Base(info.PFN), Size: info.Size, Folder: info.Folder}
	if !info.ModTime.IsZero() {
		at := info.ModTime.UTC()
		o.Modified = &at
	}
	return o
}

func (p *program) storageLs(c *cli.Context) error {
	out := newObjects(p, c.String("output"))
	err := p.eachPFN(c, func(ctx context.Context, door storage.Backend, pfn string) error {
		if out.text() && c.NArg() > 1 {
			fmt.Fprintf(p.Stdout, "%s:\n", shown(pfn))
		}
		entries := storage.Entries(ctx, door, pfn)
		if c.Bool("recursive") {
			entries = storage.Walk(ctx, door, pfn)
		}
		var failed error
		listing := func(row func(...string)) {
			for info, err := range entries {
				switch {
				case err != nil:
					failed = err
				case !out.text():
					failed = out.add(newInfoObject(info))
				default:
					row(lsRow(pfn, info, c.Bool("long"))...)
				}
				if failed != nil {
					return
				}
			}
		}
		if c.Bool("long") && out.text() {
			table(p.Stdout, listing)
		} else {
			listing(func(cells ...string) { fmt.Fprintln(p.Stdout, cells[0]) })
		}
		return failed
	})
	return out.endWith(err)
}

// lsRow is a line of ls: the name, from the folder that was asked for on.
func lsRow(folder string, info storage.Info, long bool) []string {
	name := cmp.Or(storage.Rel(folder, info.PFN), storage.Base(info.PFN))
	if info.Folder {
		name += "/"
	}
	if !long {
		return []string{name}
	}
	size, at := fmt.Sprint(info.Size), "-"
	if info.Folder {
		size = "-"
	}
	if !info.ModTime.IsZero() {
		at = info.ModTime.UTC().Format("2006-01-02T15:04:05Z")
	}
	return []string{size, at, name}
}

func (p *program) storageStat(c *cli.Context) error {
	out := newObjects(p, c.String("output"))
	err := p.eachPFN(c, func(ctx context.Context, door storage.Backend, pfn string) error {
		info, err := door.Stat(ctx, pfn)
		if err != nil {
			return err
		}
		if !out.text() {
			return out.add(newInfoObject(info))
		}
		kind, size := "file", fmt.Sprintf("%d bytes (%s)", info.Size, report.Bytes(info.Size))
		if info.Folder {
			kind, size = "folder", "-"
		}
		fmt.Fprintf(p.Stdout, "%s\n  kind      %s\n  size      %s\n", shown(pfn), kind, size)
		if !info.ModTime.IsZero() {
			fmt.Fprintf(p.Stdout, "  modified  %s\n", info.ModTime.UTC().Format(time.RFC3339))
		}
		return nil
	})
	return out.endWith(err)
}

func (p *program) storageChecksum(c *cli.Context) error {
	out, algorithm := newObjects(p, c.String("output")), c.String("algorithm")
	err := p.eachPFN(c, func(ctx context.Context, door storage.Backend, pfn string) error {
		sum, err := storage.Sum(ctx, door, pfn, algorithm)
		if err != nil {
			return err
		}
		if !out.text() {
			return out.add(map[string]string{"pfn": pfn, "algorithm": algorithm, "checksum": sum})
		}
		_, err = fmt.Fprintf(p.Stdout, "%s  %s\n", sum, shown(pfn))
		return err
	})
	return out.endWith(err)
}

func (p *program) storageMkdir(c *cli.Context) error {
	return p.eachPFN(c, func(ctx context.Context, door storage.Backend, pfn string) error { return door.Mkdir(ctx, pfn) })
}

func (p *program) storageRm(c *cli.Context) error {
	return p.eachPFN(c, func(ctx context.Context, door storage.Backend, pfn string) error {
		switch {
		case c.Bool("recursive") && storage.Base(pfn) == "":
			return usagef("rm: %s is a whole storage; name what is to be removed in it", shown(pfn))
		case c.Bool("recursive"):
			return storage.DeleteAll(ctx, door, pfn)
		}
		err := door.Delete(ctx, pfn)
		if err != nil && !storage.Is(err, storage.NotFound) {
			if info, statErr := door.Stat(ctx, pfn); statErr == nil && info.Folder {
				return fail.Hint(err, "storage rm -r removes a folder with all that it holds")
			}
		}
		return err
	})
}

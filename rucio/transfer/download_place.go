package transfer

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// places are where the files of a download go.
type places struct {
	method string
	taken  map[string]*wanted // by path
}

// give says where a file goes: one path for each way in which it is wanted. Two files at one path are refused; a file whose name
// would lead out of its folder fails alone.
func (p *places) give(f *wanted) error {
	if p.taken == nil {
		p.taken = map[string]*wanted{}
	}
	for _, in := range f.inputs {
		for _, o := range in.orders {
			path, err := destination(f.did, in.did, o)
			if err != nil {
				f.fail(stateFailed, err)
				continue
			}
			if slices.Contains(f.dests, path) {
				continue
			}
			if other := p.taken[path]; other != nil {
				return refuse(p.method, rucio.ErrInputValidationError, "%s and %s have the same destination %s", other.did, f.did, path)
			}
			p.taken[path] = f
			f.dests = append(f.dests, path)
		}
	}
	return nil
}

// place gives all files their places.
func (d *download) place(files []*wanted) error {
	p := places{method: d.method}
	for _, f := range files {
		if err := p.give(f); err != nil {
			return err
		}
	}
	return nil
}

// destination is where a file goes that was asked for by a DID: by its own, or by that of a collection it is in.
func destination(file, asked rucio.DID, o *order) (string, error) {
	folder, name := file.Scope, strings.TrimPrefix(file.Name, "/")
	if asked.String() != file.String() {
		folder = strings.TrimPrefix(asked.Name, "/")
		if strings.HasPrefix(file.Name, "/") { // names that are paths: the last part
			name = name[strings.LastIndexByte(name, '/')+1:]
		}
	}
	if o.noSubdir {
		folder = ""
	}
	for _, part := range []string{folder, name} {
		if part != "" && !staysWithin(part) {
			return "", fmt.Errorf("%w: %q", errLeaves, part)
		}
	}
	if name == "" {
		return "", fmt.Errorf("%w: it is empty", errLeaves)
	}
	base, err := filepath.Abs(cmp.Or(o.baseDir, "."))
	if err != nil {
		return "", err
	}
	return filepath.Join(base, folder, name), nil
}

var errLeaves = errors.New("the name is no path below the folder to download to")

// staysWithin tells whether a name is a path that leads nowhere but down.
func staysWithin(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." || part == "." {
			return false
		}
	}
	return filepath.IsLocal(name) && !strings.ContainsRune(name, 0)
}

// byPFN makes files of items of download_pfns.
func (d *download) byPFN(orders []*order) ([]*wanted, error) {
	files := make([]*wanted, len(orders))
	for i, o := range orders {
		wrong := func(format string, args ...any) error {
			return refuse(d.method, rucio.ErrInputValidationError, "item %d: "+format, append([]any{i + 1}, args...)...)
		}
		if len(o.dids) != 1 || o.pfn == "" || o.rse == "" {
			return nil, wrong("did (one), pfn and rse are needed")
		}
		if strings.Contains(o.dids[0], "*") {
			return nil, wrong("a PFN is of one file, %q has a wildcard", o.dids[0])
		}
		did, err := parseDID(d.method, o.dids[0])
		if err != nil {
			return nil, err
		}
		f := &wanted{
			did: did, bytes: o.bytes, adler32: o.adler32, md5: o.md5, given: o.given, options: merge([]*order{o}),
			sources: []source{{pfn: o.pfn, rse: o.rse, bare: true}}, impl: implementation(o.impl),
			inputs: []input{{did: did, info: map[string]any{}, orders: []*order{o}}},
		}
		f.options.few, f.options.ignoreChecksum = true, o.adler32 == "" && o.md5 == ""
		files[i] = f
	}
	return files, d.place(files)
}

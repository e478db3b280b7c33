package transfer

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// uploadFile is a file on its way.
type uploadFile struct {
	*uploadItem // what is wanted; files of a folder have it in common

	index   int // among all
	result  Uploaded
	trace   map[string]any
	did     rucio.DID
	dataset *uploadDataset // nil when it goes into none
	site    *site
	domain  string // of the protocols: lan or wan
	known   knownFile
	sums    map[string]string // by algorithm, once they are known
	named   map[string]string // PFNs that the server has told, by scheme
	mark    string            // in temporary names
	left    bool              // something of an attempt is left under the temporary name
	owned   bool              // it is registered by this call, so that whatever is in its place is to be overwritten
	sent    bool              // its bytes were put under the final name by this call
}

// skip says that there is nothing to upload.
func (f *uploadFile) skip(reason string) {
	f.result.State, f.result.Reason = UploadSkipped, reason
}

// fail says why the file is not uploaded.
func (f *uploadFile) fail(err error) {
	f.result.State, f.result.Err, f.result.Reason = UploadFailed, err, err.Error()
}

// forgive takes a failure back.
func (f *uploadFile) forgive() { f.result.State, f.result.Err, f.result.Reason = "", nil, "" }

// registers tells whether the catalogue is to know the file. A name of the caller's choice on an RSE that names files itself is
// none that the catalogue could know.
func (f *uploadFile) registers() bool {
	return !f.noRegister && (f.pfn == "" || !f.site.Deterministic)
}

// collect finds the files that the items name. Items that name none are skipped, as by Python's client; an upload that has no
// file at all is an error.
func (u *upload) collect(ctx context.Context, items []Item) error {
	for n, item := range items {
		i, err := u.readItem(ctx, n+1, item)
		if err != nil {
			return err
		}
		if err := u.collectItem(i); err != nil {
			return err
		}
	}
	found := false
	for _, f := range u.files {
		found = found || f.result.State == ""
		if f.result.State == UploadSkipped {
			u.m.setup.Log.WarnContext(ctx, "upload: skipped", "item", f.number, "path", f.result.Path, "reason", f.result.Reason)
		}
	}
	if !found {
		var why []string
		for _, f := range u.files {
			why = append(why, cmp.Or(f.result.Path, "item "+itoa(f.number))+": "+f.result.Reason)
		}
		return refuse("upload", rucio.ErrInputValidationError, "no valid input files given%s", phrase(": ", told(why)))
	}
	return nil
}

func (u *upload) collectItem(i *uploadItem) error {
	skip := func(reason string) error {
		u.add(i, i.path).skip(reason)
		return nil
	}
	switch {
	case i.path == "":
		return skip("it has no path")
	case i.rse == "":
		return skip("it has no rse")
	}
	st, err := os.Stat(i.path)
	switch {
	case err != nil:
		return skip(withoutPath(err))
	case st.IsDir() && i.recursive:
		return u.collectTree(i)
	case st.IsDir():
		return u.collectFolder(i)
	case i.recursive:
		return skip("it is a file, and recursive is for folders")
	}
	u.collectFile(i, i.path)
	return nil
}

// collectFile adds a file, which may turn out to be none.
func (u *upload) collectFile(i *uploadItem, path string) {
	st, err := os.Stat(path)
	f := u.add(i, path)
	switch {
	case err != nil:
		f.skip(withoutPath(err))
	case !st.Mode().IsRegular():
		f.skip("it is no regular file")
	default:
		f.result.Bytes = st.Size()
	}
}

// withoutPath is a failure of the file system in words that stand beside the path.
func withoutPath(err error) string {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// collectFolder adds the files of a folder, not those of the folders in it.
func (u *upload) collectFolder(i *uploadItem) error {
	entries, err := os.ReadDir(i.path)
	if err != nil {
		return refuse("upload", rucio.ErrInputValidationError, "item %d: %v", i.number, err)
	}
	before := len(u.files)
	for _, e := range entries {
		if path := filepath.Join(i.path, e.Name()); !isFolder(path, e) {
			u.collectFile(i, path)
		}
	}
	switch {
	case len(entries) == 0:
		u.add(i, i.path).skip("it is empty")
	case len(u.files) == before:
		u.add(i, i.path).skip("it has no files in it, only folders, which are for recursive uploads")
	}
	return nil
}

// isFolder follows symbolic links.
func isFolder(path string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// uploadTree is what folders that are uploaded recursively become.
type uploadTree struct {
	datasets, containers []rucio.DID
	links                []link // what the containers hold
}

type link struct {
	in, did rucio.DID
	kind    branch
}

// branch is what a folder becomes.
type branch int

const (
	nothing branch = iota // it is empty
	dataset
	container
)

// collectTree adds all files below a folder. A folder with files becomes a dataset, one with folders a container; both have the
// folder's name. One with both can't be either.
func (u *upload) collectTree(i *uploadItem) error {
	top, err := filepath.Abs(i.path)
	if err != nil {
		return refuse("upload", rucio.ErrInputValidationError, "item %d: %v", i.number, err)
	}
	if kind, err := u.collectBranch(i, top); err != nil || kind != nothing {
		return err
	}
	u.add(i, i.path).skip("it is empty")
	return nil
}

// collectBranch tells what a folder becomes.
func (u *upload) collectBranch(i *uploadItem, folder string) (branch, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nothing, refuse("upload", rucio.ErrInputValidationError, "item %d: %v", i.number, err)
	}
	var files, folders []string
	for _, e := range entries {
		switch path := filepath.Join(folder, e.Name()); {
		case !isFolder(path, e):
			files = append(files, path)
		case e.IsDir():
			folders = append(folders, path)
		default: // a link to a folder might lead round in circles
			u.add(i, path).skip("links to folders are not followed")
		}
	}
	self := rucio.DID{Scope: cmp.Or(i.scope, u.defaultScope()), Name: filepath.Base(folder)}
	switch {
	case len(files) > 0 && len(folders) > 0:
		return nothing, refuse("upload", rucio.ErrInputValidationError, "item %d: %s has files and folders in it: it would have to be a dataset and a container at once", i.number, folder)
	case len(files) > 0:
		u.tree.datasets = append(u.tree.datasets, self)
		into := *i
		into.datasetScope, into.datasetName = self.Scope, self.Name
		for _, path := range files {
			u.collectFile(&into, path)
		}
		return dataset, nil
	}
	before := len(u.tree.links)
	for _, path := range folders {
		kind, err := u.collectBranch(i, path)
		if err != nil {
			return nothing, err
		}
		if kind == nothing {
			u.add(i, path).skip("it is empty")
			continue
		}
		u.tree.links = append(u.tree.links, link{self, rucio.DID{Scope: self.Scope, Name: filepath.Base(path)}, kind})
	}
	if len(u.tree.links) == before {
		return nothing, nil
	}
	u.tree.containers = append(u.tree.containers, self)
	return container, nil
}

// add adds a file of an item.
func (u *upload) add(i *uploadItem, path string) *uploadFile {
	did := rucio.DID{Scope: cmp.Or(i.scope, u.defaultScope()), Name: cmp.Or(i.name, filepath.Base(path))}
	f := &uploadFile{uploadItem: i, index: len(u.files), did: did, result: Uploaded{Path: path, DID: did, RSE: i.rse}}
	u.files = append(u.files, f)
	return f
}

// defaultScope is the scope of a user's own data.
func (u *upload) defaultScope() string { return "user." + u.account }

// todo are the files that nothing speaks against yet.
func (u *upload) todo() []*uploadFile {
	return slices.DeleteFunc(slices.Clone(u.files), func(f *uploadFile) bool { return f.result.State != "" })
}

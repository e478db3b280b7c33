package storage

import (
	"context"
	"sync"
)

// folders remembers which servers want folders to be made before files are put into them, and which folders there are. Others
// make them by themselves, and nobody asks. A PUT that fails for want of a folder costs its connection as well.
type folders struct {
	mu     sync.Mutex
	strict map[string]bool // by host:port
	known  map[string]bool // by PFN
}

// mostFolders bounds what is remembered.
const mostFolders = 10_000

// missing tells whether a folder has to be made, as far as is known.
func (f *folders) missing(pfn string) bool {
	at, err := parseURL(pfn)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.strict[at.Host] && !f.known[pfn]
}

// has tells that a folder is there; its server complained before if it wants them to be.
func (f *folders) has(pfn string, complained bool) {
	at, err := parseURL(pfn)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if complained && !f.strict[at.Host] {
		if f.strict == nil {
			f.strict = map[string]bool{}
		}
		f.strict[at.Host] = true
	}
	if !f.strict[at.Host] {
		return
	}
	if f.known == nil || len(f.known) >= mostFolders {
		f.known = map[string]bool{}
	}
	f.known[pfn] = true
}

// intoFolder makes an upload, and the folder for it where the server wants that. An upload that fails although there is a folder
// isn't repeated: of a full disk nginx says what it says of a folder that is missing.
func (b *HTTP) intoFolder(ctx context.Context, pfn string, upload func() (began bool, err error)) (began bool, err error) {
	parent := Parent(pfn)
	if signed(pfn) || parent == "" {
		return upload()
	}
	if b.folders.missing(parent) && b.Mkdir(ctx, parent) == nil { // one that we may not make may be there all the same
		b.folders.has(parent, false)
	}
	began, err = upload()
	if !maybeNoFolder(err) {
		return began, err
	}
	if info, missing := b.Stat(ctx, parent); missing == nil && info.Folder {
		return began, err
	}
	if err := b.Mkdir(ctx, parent); err != nil {
		return false, err
	}
	if began, err = upload(); err == nil {
		b.folders.has(parent, true)
	}
	return began, err
}

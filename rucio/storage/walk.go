package storage

import (
	"context"
	"iter"
	"slices"
	"strings"
)

// Walk yields all that is below a folder, each folder after what it holds, so that one may delete what it yields. Entries of a
// folder come in the order of their names. An error of a folder is yielded with the folder's PFN; the others go on.
func Walk(ctx context.Context, b Backend, folder string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) { walk(ctx, b, folder, yield) }
}

// Entries is List in the order of names, and of a file the file itself, as ls has it.
func Entries(ctx context.Context, b Backend, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		info, err := b.Stat(ctx, pfn)
		if err != nil || !info.Folder {
			yield(info, err)
			return
		}
		entries, err := sorted(ctx, b, pfn)
		for _, info := range entries {
			if !yield(info, nil) {
				return
			}
		}
		if err != nil {
			yield(Info{PFN: pfn, Folder: true}, err)
		}
	}
}

// sorted returns what a folder holds, or what is known of it.
func sorted(ctx context.Context, b Backend, folder string) ([]Info, error) {
	var entries []Info
	for info, err := range b.List(ctx, folder) {
		if err != nil {
			return entries, err
		}
		entries = append(entries, info)
	}
	slices.SortFunc(entries, func(a, b Info) int { return strings.Compare(a.PFN, b.PFN) })
	return entries, nil
}

// DeleteAll removes an object, or a folder with all that it holds.
func DeleteAll(ctx context.Context, b Backend, pfn string) error {
	info, err := b.Stat(ctx, pfn)
	if err != nil {
		return err
	}
	if info.Folder {
		for info, err := range Walk(ctx, b, pfn) {
			if err == nil {
				err = b.Delete(ctx, info.PFN)
			}
			if err != nil && !Is(err, NotFound) {
				return err
			}
		}
		if !b.Features().Folders {
			return nil
		}
	}
	return b.Delete(ctx, pfn)
}

func walk(ctx context.Context, b Backend, folder string, yield func(Info, error) bool) bool {
	entries, err := sorted(ctx, b, folder)
	if err != nil {
		return yield(Info{PFN: folder, Folder: true}, err)
	}
	for _, info := range entries {
		if info.Folder && !walk(ctx, b, info.PFN, yield) {
			return false
		}
		if info.Folder && !b.Features().Folders {
			continue // a name that objects have in common
		}
		if !yield(info, nil) {
			return false
		}
	}
	return true
}

// Base returns the last name of a PFN, unescaped where its scheme escapes names; "" when it has only a host.
func Base(pfn string) string {
	path := strings.TrimRight(pathOf(pfn), "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// Rel returns the path of what Walk or List gave below a folder, unescaped.
func Rel(folder, pfn string) string {
	return strings.Trim(strings.TrimPrefix(pathOf(pfn), strings.TrimRight(pathOf(folder), "/")), "/")
}

// pathOf returns what a PFN has behind its host, unescaped where its scheme escapes names.
func pathOf(pfn string) string {
	if u, err := parseURL(pfn); escapes(pfn) && err == nil {
		return strings.TrimLeft(u.Path, "/")
	}
	_, rest, ok := strings.Cut(pfn, "://")
	if !ok {
		return strings.TrimLeft(pfn, "/")
	}
	if scheme := strings.TrimPrefix(Scheme(pfn), "x"); scheme == "root" || scheme == "roots" {
		rest, _, _ = strings.Cut(rest, "?") // an opaque part
	}
	_, path, _ := strings.Cut(rest, "/")
	return strings.TrimLeft(path, "/")
}

package transfer

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// worthArchive is from how many files on an archive that has all of them is fetched rather than each of them.
const worthArchive = 10

// memberKey is what servers add to the PFN of an archive for a file in it.
const memberKey = "xrdcl.unzip"

// archiveOf returns the PFN of an archive and the name of the file in it, which is empty when a PFN is that of a file.
func archiveOf(pfn string) (archive, member string) {
	at := strings.LastIndex(pfn, "?")
	if at < 0 || !strings.Contains(pfn[at:], memberKey+"=") {
		return pfn, ""
	}
	var rest []string
	for pair := range strings.SplitSeq(pfn[at+1:], "&") {
		if name, ok := strings.CutPrefix(pair, memberKey+"="); ok {
			member = unescapeQuery(name)
		} else {
			rest = append(rest, pair)
		}
	}
	archive = pfn[:at]
	if len(rest) > 0 {
		archive += "?" + strings.Join(rest, "&")
	}
	return archive, member
}

// archive is one that files can be taken from.
type archive struct {
	name    string
	sources []source
	files   []*wanted
}

// mayBePacked tells whether a file is in an archive.
func (f *wanted) mayBePacked() bool {
	return slices.ContainsFunc(f.sources, func(s source) bool { return s.extract })
}

// pack puts files that are to be taken out of archives into the archives' entries. A file is taken out of one when it is
// nowhere else, when that is the best source, or when many others come from the same archive.
func pack(files []*wanted) []*wanted {
	archives := map[string]*archive{}
	inside := map[*wanted][]string{} // keys of archives
	must := map[*wanted]bool{}
	for _, f := range files {
		for key, found := range archivesOf(f) {
			if archives[key] == nil {
				archives[key] = found
			}
			archives[key].files = append(archives[key].files, f)
			inside[f] = append(inside[f], key)
		}
		must[f] = len(inside[f]) > 0 && f.sources[0].extract
	}
	if len(inside) == 0 {
		return files
	}
	fetched := map[string]bool{} // archives that are needed anyway
	for f := range inside {
		for _, key := range inside[f] {
			fetched[key] = fetched[key] || must[f]
		}
	}
	waiting := map[*wanted]bool{}
	for f, keys := range inside {
		waiting[f] = must[f] || slices.ContainsFunc(keys, func(key string) bool { return fetched[key] || len(archives[key].files) >= worthArchive })
		if !waiting[f] {
			f.sources = slices.DeleteFunc(f.sources, func(s source) bool { return s.extract })
		}
	}
	packs := assign(archives, waiting)
	var rest []*wanted
	for _, f := range files {
		if !slices.ContainsFunc(packs, func(p *wanted) bool { return slices.Contains(p.archived, f) }) {
			rest = append(rest, f)
		}
	}
	return append(rest, packs...)
}

// archivesOf finds the archives that a file is in. An archive is known by its name and places: its DID is not told.
func archivesOf(f *wanted) map[string]*archive {
	if f.err != nil || !f.options.archives {
		f.sources = slices.DeleteFunc(f.sources, func(s source) bool { return s.extract })
		return nil
	}
	byName := map[string]*archive{}
	for _, s := range f.sources {
		if !s.extract {
			continue
		}
		s.pfn, _ = archiveOf(s.pfn)
		name := s.pfn[strings.LastIndexByte(s.pfn, '/')+1:]
		if byName[name] == nil {
			byName[name] = &archive{name: name}
		}
		byName[name].sources = append(byName[name].sources, s)
	}
	found := map[string]*archive{}
	for _, a := range byName {
		places := make([]string, len(a.sources))
		for i, s := range a.sources {
			places[i] = s.pfn
		}
		slices.Sort(places)
		found[strings.Join(places, " ")] = a
	}
	return found
}

// assign gives each waiting file to one archive, such that few archives are fetched.
func assign(archives map[string]*archive, waiting map[*wanted]bool) []*wanted {
	var packs []*wanted
	for {
		var best *archive
		most := 0
		for _, key := range slices.Sorted(maps.Keys(archives)) {
			n := 0
			for _, f := range archives[key].files {
				if waiting[f] {
					n++
				}
			}
			if n > most {
				best, most = archives[key], n
			}
		}
		if best == nil {
			return packs
		}
		p := &wanted{sources: best.sources}
		p.options.ignoreChecksum = true // nothing is known of the archive itself
		for _, f := range best.files {
			if waiting[f] {
				delete(waiting, f)
				f.sources = nil
				p.archived = append(p.archived, f)
			}
		}
		first := p.archived[0]
		p.did = rucio.DID{Scope: first.did.Scope, Name: best.name}
		p.options.timeout, p.options.speed = first.options.timeout, first.options.speed
		p.locate(first)
		packs = append(packs, p)
	}
}

// locate says where an archive comes to for the time of its use.
func (f *wanted) locate(member *wanted) {
	o := &order{baseDir: fmt.Sprint(cmp.Or(member.options.destinations[0][0], any("."))), noSubdir: member.options.destinations[0][1] == true}
	path, err := destination(f.did, f.did, o)
	if err != nil {
		path = filepath.Join(filepath.Dir(member.dests[0]), "archive")
	}
	f.dests = []string{path}
}

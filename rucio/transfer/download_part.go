package transfer

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// part is a file on its way: the bytes that are there so far, in segments that may be written at the same time. What is
// written is noted beside it, so that a later download of the same content goes on; nobody else writes to it meanwhile.
type part struct {
	path      string
	file      *os.File
	private   bool // the usual name is another download's
	log       *slog.Logger
	size      int64 // -1 is unknown
	algorithm string
	sum       string // expected; empty is unknown
	given     bool   // finished: it has its final name
	whole     bool   // the source gives no parts

	mu       sync.Mutex
	segments []*segment
	older    bool  // some bytes are of an earlier attempt
	unsaved  int64 // bytes since the note was written
}

// segment is a piece of a file that one stream brings.
type segment struct {
	start, length int64 // length is -1 to the end, wherever that is
	done          int64
	hash          hash.Hash // of what is done; nil when that is not known, or nobody wants to know
	hashed        int64     // how much of what is done is in hash
	taken         bool
	told          bool // Progress knows of what is done
}

func (s *segment) complete() bool { return s.length >= 0 && s.done == s.length }

// openPart opens or makes the temporary file of a download and locks it.
func openPart(f *wanted, log *slog.Logger) (*part, error) {
	p := &part{path: f.temp(), log: log, size: -1}
	if !f.options.ignoreChecksum { // else the catalogue is not believed
		p.size = f.size()
		p.algorithm, p.sum = f.checksum()
	}
	if err := os.MkdirAll(filepath.Dir(p.path), folderMode); err != nil { //nolint:gosec // within the umask
		return nil, here(fmt.Errorf("make the folder of %s: %w", p.path, err))
	}
	var err error
	p.file, err = openLocked(p.path)
	if errors.Is(err, errInUse) {
		p.private = true
		p.file, err = createBeside(p.path)
		if err == nil {
			p.path = p.file.Name()
		}
	}
	if err != nil {
		return nil, here(fmt.Errorf("open the temporary file: %w", err))
	}
	p.recall()
	return p, nil
}

// openLocked opens a file that nobody else has locked, and makes it if need be; else errInUse.
func openLocked(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o666) //nolint:gosec // within the umask
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			_ = f.Close()
			return nil, errInUse // or there are no locks here, and it might be
		}
		mine, err := f.Stat()
		named, naming := os.Lstat(path)
		if err == nil && naming == nil && os.SameFile(mine, named) {
			return f, nil
		}
		_ = f.Close() // who had it has given it its final name meanwhile
		if err != nil || naming != nil && !errors.Is(naming, fs.ErrNotExist) {
			return nil, errors.Join(err, naming)
		}
	}
}

var errInUse = errors.New("another download writes to it")

// note is what is known of a part, beside it.
type note struct {
	Size      int64      `json:"size"`
	Algorithm string     `json:"algorithm"`
	Sum       string     `json:"sum"`
	Segments  [][3]int64 `json:"segments"` // start, length, bytes that are there
}

// noteAt is how many bytes are written until it is worth to note them.
const noteAt = 32 << 20

// noteSuffix is that of a note's name, after the part's.
const noteSuffix = ".note"

func (p *part) notePath() string { return p.path + noteSuffix }

// resumable tells whether a later download can tell that what is there is the beginning of what it wants.
func (p *part) resumable() bool { return !p.private && p.size > 0 && p.sum != "" }

// recall finds out what an earlier download has left, and begins anew unless that is known to be of the same content.
func (p *part) recall() {
	p.segments = nil
	var n note
	text, err := os.ReadFile(p.notePath())
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	st, stat := p.file.Stat()
	if err != nil || stat != nil || !p.resumable() || n.Size != p.size || n.Algorithm != p.algorithm || n.Sum != p.sum {
		p.reset()
		return
	}
	next := int64(0)
	for _, s := range n.Segments {
		if s[0] != next || s[1] < 0 || s[2] < 0 || s[2] > s[1] || s[2] > 0 && s[0]+s[2] > st.Size() {
			p.reset()
			return
		}
		p.segments = append(p.segments, &segment{start: s[0], length: s[1], done: s[2]})
		p.older = p.older || s[2] > 0
		next = s[0] + s[1]
	}
	if next != p.size {
		p.reset()
	}
}

// reset forgets all bytes, and returns of how many Progress has been told.
func (p *part) reset() (told int64) {
	for _, s := range p.segments {
		if s.told {
			told += s.done
		}
	}
	p.segments, p.older, p.unsaved = nil, false, 0
	_ = p.file.Truncate(0) // what stays is written over
	_ = os.Remove(p.notePath())
	return told
}

// save notes what is there. Failing to is no failure: a later download begins anew.
func (p *part) save() {
	if !p.resumable() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := note{Size: p.size, Algorithm: p.algorithm, Sum: p.sum}
	for _, s := range p.segments {
		n.Segments = append(n.Segments, [3]int64{s.start, s.length, s.done})
	}
	p.unsaved = 0
	text, err := json.Marshal(n)
	if err == nil {
		err = replaceFile(p.notePath(), text)
	}
	if err != nil {
		p.log.Debug("how far a download has come was not noted", "path", p.path, "error", err)
	}
}

// replaceFile writes a small file such that it is never seen half.
func replaceFile(path string, content []byte) error {
	err := os.WriteFile(path+".new", content, 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		_ = os.Remove(path + ".new") // which may be there, with less in it
	}
	return err
}

// present is how many bytes are there.
func (p *part) present() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var n int64
	for _, s := range p.segments {
		n += s.done
	}
	return n
}

// wrote adds n bytes to a segment.
func (p *part) wrote(s *segment, n int64) {
	p.mu.Lock()
	s.done += n
	p.unsaved += n
	due := p.unsaved >= noteAt
	p.mu.Unlock()
	if due {
		p.save()
	}
}

// take gives the next segment that nobody brings yet, nil when there is none.
func (p *part) take() *segment {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.segments {
		if !s.taken {
			s.taken = true
			return s
		}
	}
	return nil
}

// verify compares the checksum of all that is written with the expected one.
func (p *part) verify() error {
	if p.sum == "" {
		return nil
	}
	var sum string
	if p.algorithm == "adler32" {
		sum = p.adler32()
	} else {
		sum = hex.EncodeToString(p.segments[0].hash.Sum(nil))
	}
	if sum != p.sum {
		return &corruptError{fmt.Sprintf("checksum validation failed: %s is %s, Rucio has %s", p.algorithm, sum, p.sum)}
	}
	return nil
}

// corruptError says that what came is not what was wanted.
type corruptError struct{ text string }

func (e *corruptError) Error() string { return e.text }

// finish gives the file its final name, and copies it to the other ones.
func (p *part) finish(dests []string) error {
	if err := settle(p.path, dests); err != nil {
		_, gone := os.Lstat(p.path)
		p.given = gone != nil
		return err
	}
	p.given = true
	_ = os.Remove(p.notePath())
	return nil
}

// close ends the use of a part. It stays if a later download can go on with it.
func (p *part) close() {
	defer p.file.Close()
	if p.given {
		return
	}
	if p.resumable() && p.present() > 0 {
		p.save()
		return
	}
	_ = os.Remove(p.notePath())
	_ = os.Remove(p.path)
}

// newHash returns the hash that a segment needs, nil when there is nothing to compare with.
func (p *part) newHash() hash.Hash {
	if p.sum == "" {
		return nil
	}
	h, _ := storage.NewHash(p.algorithm)
	return h
}

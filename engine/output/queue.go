package output

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// queue is a folder of documents that wait for one database. Several processes, also on several machines, may write to it
// at once; one at a time sends from it, so that documents arrive in the order in which they were emitted.
//
//	target.json    the Target, without secrets
//	lock           held by whoever sends
//	*.open         segments that are being written
//	*.jsonl        sealed segments; in the order of their names
//	rejected/      documents that the database refused for good, with its reasons
//	broken/        segments in which something was not a document
type queue struct {
	dir    string
	target Target
}

// readQueue finds the queue of a folder. It fails when target.json is missing or does not fit the folder's name.
func readQueue(dir string) (*queue, error) {
	q := &queue{dir: dir}
	text, err := os.ReadFile(q.path("target.json"))
	if err == nil {
		err = json.Unmarshal(text, &q.target)
	}
	if err == nil && q.target.Key() != filepath.Base(dir) {
		err = errors.New("describes another target")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.path("target.json"), err)
	}
	return q, nil
}

func (q *queue) path(name string) string { return filepath.Join(q.dir, name) }

// nameTime begins the names of segments.
const nameTime = "20060102T150405.000000000Z"

// newName makes the name of a segment, without a suffix. Names sort by time.
func newName() string {
	var random [4]byte
	rand.Read(random[:]) // never fails, by its documentation
	return time.Now().UTC().Format(nameTime) + "-" + hex.EncodeToString(random[:])
}

// begin starts a segment. The folder is made when it is the first.
func (q *queue) begin() (*segment, error) {
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return nil, err
	}
	text, err := json.Marshal(q.target)
	if err != nil {
		return nil, err
	}
	if there, err := os.ReadFile(q.path("target.json")); err != nil || string(there) != string(text) {
		if err := replaceFile(q.path("target.json"), text); err != nil {
			return nil, err
		}
	}
	return createSegment(q.dir)
}

// lock waits until nobody else sends from the queue.
func (q *queue) lock(ctx context.Context) (unlock func(), err error) {
	for {
		f, err := openLocked(q.path("lock"), os.O_CREATE|os.O_RDWR)
		if err != nil {
			return nil, err
		}
		if f != nil {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: another process is sending: %w", q.target, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// adopt seals the segments whose writers are gone.
func (q *queue) adopt() error {
	open, err := files(q.dir, openSuffix)
	if err != nil {
		return err
	}
	for _, path := range open {
		f, err := openLocked(path, os.O_RDWR)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if f != nil {
			if err := errors.Join(os.Rename(path, sealedName(path)), f.Close()); err != nil {
				return err
			}
		}
	}
	return nil
}

// pending lists the segments that wait, oldest first.
func (q *queue) pending() ([]string, error) {
	if err := q.adopt(); err != nil {
		return nil, err
	}
	return files(q.dir, sealedSuffix)
}

// files lists the files of a folder with a suffix, by name. A folder that does not exist has none.
func files(dir, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var paths []string
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, ".") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, ignoreGone(err)
}

// read returns a sealed segment's documents. When some of its lines are no documents, a copy of it is put aside: what is
// broken never holds up the rest.
func (q *queue) read(path string) (docs []Document, broken int, err error) {
	docs, broken, err = readSegment(path)
	if err != nil || broken == 0 {
		return docs, broken, err
	}
	aside := q.path("broken")
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return nil, broken, err
	}
	if err := os.Link(path, filepath.Join(aside, filepath.Base(path))); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, broken, err
	}
	return docs, broken, nil
}

// keep makes docs the content of a sealed segment, and removes it when there are none.
func (q *queue) keep(path string, docs []Document) error {
	if len(docs) == 0 {
		return os.Remove(path)
	}
	return writeLines(path, docs)
}

// reject puts documents where operators find them, beside those of the same segment that were refused before.
func (q *queue) reject(segment string, refused []Rejection) error {
	if len(refused) == 0 {
		return nil
	}
	path := q.rejectedPath(segment)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	before, err := readRejected(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, r := range refused { // once, also when we died between this and the segment's removal
		before = slices.DeleteFunc(before, func(b Rejection) bool { return b.ID == r.ID })
	}
	return writeLines(path, append(before, refused...))
}

func (q *queue) rejectedPath(segment string) string {
	return filepath.Join(q.dir, "rejected", filepath.Base(segment))
}

func readRejected(path string) ([]Rejection, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []Rejection
	for line := range strings.Lines(string(text)) {
		var r Rejection
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// requeue puts the rejected documents back in line, to be tried again after the database or its mapping was mended. It
// returns how many there were. The caller holds the lock.
func (q *queue) requeue() (int, error) {
	paths, err := files(q.path("rejected"), sealedSuffix)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, path := range paths {
		n, _, err := countLines(path)
		if err != nil {
			return total, err
		}
		if err := os.Rename(path, q.path(newName()+sealedSuffix)); err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

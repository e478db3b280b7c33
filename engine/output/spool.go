package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// DefaultSpoolSize is how many bytes may wait in the spool unless Options says otherwise.
const DefaultSpoolSize = 1 << 30

// DefaultSpool returns the spool's folder when --spool and RUCIO_TASK_MANAGER_SPOOL are absent: the place that the XDG
// base directory specification has for state, or one in the temporary folder for a user without a home.
func DefaultSpool(stateHome, home, temp string, uid int) string {
	switch {
	case filepath.IsAbs(stateHome):
		return filepath.Join(stateHome, "rucio-task-manager", "spool")
	case filepath.IsAbs(home) && home != "/":
		return filepath.Join(home, ".local", "state", "rucio-task-manager", "spool")
	}
	return filepath.Join(temp, fmt.Sprintf("rucio-task-manager-spool-%d", uid))
}

// Backlog is what waits for one database.
type Backlog struct {
	Target    Target    `json:"target"`
	Folder    string    `json:"folder"`
	Documents int       `json:"documents"` // waiting to be sent
	Bytes     int64     `json:"bytes"`
	Oldest    time.Time `json:"oldest,omitzero"` // when the oldest waiting segment was begun
	Rejected  int       `json:"rejected"`        // documents that the database refused for good, kept in Folder/rejected
	Broken    int       `json:"broken"`          // files in which something was not a document, kept in Folder/broken
	Problem   string    `json:"problem,omitempty"`
}

// spool is the folder of all queues.
type spool struct {
	dir string
	max int64
}

// queueOf returns the queue of a target, which need not exist yet.
func (s *spool) queueOf(t Target) *queue { return &queue{filepath.Join(s.dir, t.Key()), t} }

// folders lists the folders that are queues, or were.
func (s *spool) folders() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var dirs []string
	for _, e := range entries {
		if name, _, _ := strings.Cut(e.Name(), "-"); e.IsDir() && kinds[name].open != nil {
			dirs = append(dirs, filepath.Join(s.dir, e.Name()))
		}
	}
	return dirs, err
}

// room is nil while the spool holds less than it may. It is asked for each segment, so the bound is overstepped by at most
// one segment for each task that is running.
func (s *spool) room() error {
	var used int64
	err := filepath.WalkDir(s.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return ignoreGone(err)
		}
		info, err := e.Info()
		if err == nil {
			used += info.Size()
		}
		return ignoreGone(err)
	})
	if err == nil && used >= s.max {
		err = fmt.Errorf("the spool %s is full: %d of %d bytes", s.dir, used, s.max)
	}
	return err
}

// ignoreGone forgives that another process removed the file first.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// list describes the queues in which something waits, or was put aside.
func (s *spool) list() ([]Backlog, error) {
	dirs, err := s.folders()
	if err != nil {
		return nil, err
	}
	var all []Backlog
	for _, dir := range dirs {
		b, err := backlog(dir)
		if err != nil {
			return nil, err
		}
		if b.Documents+b.Rejected+b.Broken > 0 {
			all = append(all, b)
		}
	}
	return all, nil
}

func backlog(dir string) (Backlog, error) {
	b := Backlog{Folder: dir}
	if q, err := readQueue(dir); err != nil {
		b.Problem = err.Error()
	} else {
		b.Target = q.target
	}
	count := func(dir, suffix string, docs *int) error {
		paths, err := files(dir, suffix)
		for _, path := range paths {
			n, size, countErr := countLines(path)
			if countErr = ignoreGone(countErr); countErr != nil {
				return countErr
			}
			*docs += n
			b.Bytes += size
		}
		return err
	}
	// open before sealed: a segment that is sealed meanwhile may be counted twice, but is not overlooked
	err := errors.Join(count(dir, openSuffix, &b.Documents), count(dir, sealedSuffix, &b.Documents),
		count(filepath.Join(dir, "rejected"), sealedSuffix, &b.Rejected))
	sealed, sealedErr := files(dir, sealedSuffix)
	if len(sealed) > 0 {
		stamp, _, _ := strings.Cut(filepath.Base(sealed[0]), "-")
		b.Oldest, _ = time.Parse(nameTime, stamp) // a strange name: unknown
	}
	broken, brokenErr := files(filepath.Join(dir, "broken"), sealedSuffix)
	b.Broken = len(broken)
	return b, errors.Join(err, sealedErr, brokenErr)
}

package output

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The names of a queue's files. A segment is written under the one, sealed under the other.
const (
	openSuffix   = ".open"
	sealedSuffix = ".jsonl"
)

// segment is a file of documents, one on a line, while it is written. Its writer holds its lock; a segment without one
// was left by a process that died, and is sealed by the next that passes.
//
// A document is in the hands of the kernel when append returns, so that it outlives the process. It is synced to the disk,
// to outlive the machine, only if it has to stay: most are delivered and gone within seconds.
type segment struct {
	file *os.File
	path string
	docs int
	size int64
	torn bool // holds half a line that could not be taken back
}

// createSegment begins a segment in a queue's folder. The file gets its name when it is locked: before, it could be taken for
// one that was left behind.
func createSegment(dir string) (*segment, error) {
	name := newName() + openSuffix
	f, err := openLocked(filepath.Join(dir, ".new-"+name), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, fmt.Errorf("%s: another process took a new file", dir)
	}
	s := &segment{file: f, path: filepath.Join(dir, name)}
	if err := os.Rename(f.Name(), s.path); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

// append adds a document, whole or not at all.
func (s *segment) append(d Document) error {
	line, err := json.Marshal(d)
	if err != nil {
		return err
	}
	n, err := s.file.Write(append(line, '\n'))
	if err != nil {
		s.torn = n > 0 && s.file.Truncate(s.size) != nil
		return err
	}
	s.docs++
	s.size += int64(n)
	return nil
}

// full tells that the segment should take no more documents.
func (s *segment) full() bool {
	return s.docs >= maxBatchDocuments || s.size >= maxBatchBytes || s.torn
}

// seal ends the writing: the segment waits to be sent. An empty one is removed.
func (s *segment) seal() error {
	var err error
	if s.docs == 0 {
		err = os.Remove(s.path)
	} else {
		err = os.Rename(s.path, sealedName(s.path))
	}
	return errors.Join(err, s.file.Close()) // closed last: the lock ends with it
}

func sealedName(open string) string { return open[:len(open)-len(openSuffix)] + sealedSuffix }

// readSegment reads the documents of a file, and counts the lines that are none. A last line without its end is not
// counted: it was being written when its process died, and nobody was told that it is kept.
func readSegment(path string) (docs []Document, broken int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	for r := bufio.NewReader(f); ; {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return docs, broken, nil
		}
		if err != nil {
			return docs, broken, err
		}
		var d Document
		if json.Unmarshal(line, &d) != nil || d.ID == "" || len(d.Body) == 0 {
			broken++
			continue
		}
		docs = append(docs, d)
	}
}

// countLines returns the number of documents in a file, and its size, without taking it apart.
func countLines(path string) (lines int, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := f.Read(buf)
		lines += bytes.Count(buf[:n], []byte{'\n'})
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return lines, size, nil
		}
		if err != nil {
			return lines, size, err
		}
	}
}

// writeLines puts values, one on a line, in place of the file at path: wholly, or not at all.
func writeLines[T any](path string, values []T) error {
	var b bytes.Buffer
	encode := json.NewEncoder(&b)
	for _, v := range values {
		if err := encode.Encode(v); err != nil {
			return err
		}
	}
	return replaceFile(path, b.Bytes())
}

// replaceFile writes a file anew, synced to the disk, so that at every moment the old or the new one is there.
func replaceFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// syncPath makes a file or a folder outlive the machine's sudden end.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

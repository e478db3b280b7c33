package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

// spillLimit is how many bytes of an answer are kept in memory; a million replicas take some hundred times as many.
const spillLimit = 8 << 20

// spill keeps an answer until all of it is there, for an error in the last row is the error of the call: the first bytes in
// memory, the rest in a temporary file.
type spill struct {
	temp  func() (TempFile, error)
	limit int

	memory bytes.Buffer
	file   TempFile
}

// Write implements io.Writer.
func (s *spill) Write(p []byte) (int, error) {
	if s.memory.Len()+len(p) > s.limit {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	return s.memory.Write(p)
}

// flush moves what is in memory to the file.
func (s *spill) flush() (err error) {
	if s.file == nil {
		if s.file, err = s.temp(); err != nil {
			return err
		}
	}
	_, err = s.memory.WriteTo(s.file)
	return err
}

// WriteTo implements io.WriterTo: it writes everything.
func (s *spill) WriteTo(w io.Writer) (int64, error) {
	if s.file == nil {
		return s.memory.WriteTo(w)
	}
	if err := s.flush(); err != nil {
		return 0, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	return io.Copy(w, s.file)
}

// Close removes the file.
func (s *spill) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// writeValue writes the result of a method that returns one; of a method that returns none it is Python's None.
func writeValue(w io.Writer, value json.RawMessage) error {
	if value == nil {
		value = json.RawMessage("null")
	}
	_, err := w.Write(oneLine(value))
	return err
}

// writeRows writes what is an iterator in Python as a list.
func writeRows(w io.Writer, rows iter.Seq2[json.RawMessage, error]) error {
	separator := "["
	for row, err := range rows {
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, separator); err != nil {
			return err
		}
		if _, err := w.Write(oneLine(row)); err != nil {
			return err
		}
		separator = ","
	}
	end := "]"
	if separator == "[" {
		end = "[]"
	}
	_, err := io.WriteString(w, end)
	return err
}

// isText tells whether Python's client returns text where the catalog has a stream of one row: a metalink.
func isText(m *catalog.Method, args catalog.Args) bool {
	return m.Name == "list_replicas" && string(args["metalink"]) == "true"
}

func writeOnly(w io.Writer, rows iter.Seq2[json.RawMessage, error]) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		return writeValue(w, row)
	}
	return writeValue(w, json.RawMessage(`""`))
}

// serveError is the error member of an answer.
type serveError struct {
	Class   string `json:"class"`   // Rucio's exception, or one of Python
	Message string `json:"message"` // of a server: its words alone
	Status  *int   `json:"status"`  // of HTTP; null when no server answered
}

func (e serveError) json() []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.Encode(e) //nolint:errcheck // there is nothing in it that is no JSON
	return bytes.TrimSpace(text.Bytes())
}

// outJSON writes the arguments that Python's client would have filled in place.
func outJSON(out map[string]json.RawMessage) []byte {
	text, err := json.Marshal(out)
	if err != nil { // they are JSON already
		return []byte("{}")
	}
	return text
}

// newServeError tells of an error in the terms of Python's client.
func newServeError(err error) serveError {
	var (
		python   *pythonError
		argument *catalog.ArgumentError
		sent     *rucio.Error
		login    *auth.Error
		setting  *config.Error
		file     *fs.PathError
	)
	switch {
	case errors.As(err, &python):
		return serveError{Class: python.class, Message: python.message}
	case errors.As(err, &argument):
		return serveError{Class: argument.Class, Message: argument.Error()}
	case errors.As(err, &sent):
		e := serveError{Class: sent.Class, Message: sent.Message}
		if sent.Status != 0 {
			e.Status = &sent.Status
		}
		return e
	case errors.As(err, &login):
		return serveError{Class: loginClass(login.Kind), Message: login.Error()}
	case errors.As(err, &setting):
		return serveError{Class: string(rucio.ErrMissingClientParameter), Message: err.Error()}
	case errors.As(err, &file):
		return serveError{Class: "OSError", Message: err.Error()}
	}
	return serveError{Class: string(rucio.ErrRucioException), Message: err.Error()}
}

// loginClass is the exception that Python's client raises for a login that failed without words of a server.
func loginClass(kind auth.Kind) string {
	switch kind {
	case auth.Config:
		return string(rucio.ErrMissingClientParameter)
	case auth.Unreachable, auth.TLS:
		return string(rucio.ErrServerConnectionException)
	case auth.Cancelled:
		return string(rucio.ErrCancelled)
	}
	return string(rucio.ErrCannotAuthenticate)
}

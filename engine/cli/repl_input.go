package cli

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/peterh/liner"
)

// lineReader gives the lines of a session. The error is io.EOF after the last one, or errAborted for Ctrl-C.
type lineReader interface {
	Prompt(prompt string) (string, error)
	Close() error
}

// errAborted is Ctrl-C while a line is typed.
var errAborted = errors.New("the line was given up")

// newInput returns the line editor when somebody is there, else the lines of standard input.
func (r *repl) newInput() lineReader {
	if !r.people {
		return &piped{bufio.NewReader(r.p.Stdin)}
	}
	e := &editor{State: liner.NewLiner(), history: r.p.history()}
	e.SetCtrlCAborts(true)
	e.SetTabCompletionStyle(liner.TabPrints)
	e.SetWordCompleter(r.complete)
	if _, err := e.ReadHistory(strings.NewReader(strings.Join(e.history.lines(), "\n"))); err != nil {
		r.p.log.Debug("the history cannot be read: " + err.Error())
	}
	return e
}

// piped are lines that nobody types.
type piped struct{ in *bufio.Reader }

// Prompt implements lineReader.
func (p *piped) Prompt(string) (string, error) {
	line, err := p.in.ReadString('\n')
	if errors.Is(err, io.EOF) && line != "" {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

// Close implements lineReader.
func (p *piped) Close() error { return nil }

// editor is a line editor with a history in a file.
type editor struct {
	*liner.State
	history *history
}

// Prompt implements lineReader.
func (e *editor) Prompt(prompt string) (string, error) {
	line, err := e.State.Prompt(prompt)
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		return "", errAborted
	case err != nil:
		return "", err
	}
	if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, " ") {
		e.AppendHistory(line)
		e.history.add(line)
	}
	return line, nil
}

// history is the file with the lines of earlier sessions. One that cannot be read or written is done without.
type history struct {
	files Files
	path  string
	last  string
}

// history is where the XDG base directory specification wants what a program remembers.
func (p *program) history() *history {
	state := p.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) { // as the specification has it
		state = filepath.Join(p.Home, ".local", "state")
	}
	if !filepath.IsAbs(state) {
		return &history{}
	}
	return &history{files: p.Files, path: filepath.Join(state, programName, "history")}
}

func (h *history) lines() []string {
	if h.path == "" {
		return nil
	}
	data, err := h.files.ReadFile(h.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.path = ""
		return nil
	}
	return strings.FieldsFunc(string(data), func(c rune) bool { return c == '\n' })
}

// add writes the file anew at each line, so that sessions beside this one lose nothing and it stays short.
func (h *history) add(line string) {
	if h.path == "" || line == h.last {
		return
	}
	h.last = line
	lines := append(h.lines(), line)
	lines = lines[max(0, len(lines)-liner.HistoryLimit):]
	if h.files.WritePrivate(h.path, []byte(strings.Join(lines, "\n")+"\n")) != nil {
		h.path = "" // a read-only home; the session has its history nevertheless
	}
}

package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
)

// lines writes whole lines, one at a time.
type lines struct {
	mu       sync.Mutex
	w        io.Writer
	redactor *redact.Redactor
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.redactor == nil {
		return l.w.Write(line)
	}
	if _, err := io.WriteString(l.w, l.redactor.String(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// asctime is the local time as Python's logging writes it.
const asctime = "2006-01-02 15:04:05,000"

// textHandler writes the original's lines: time [logger] module level pid, a tab, the message, and other attributes after
// it as key=value.
type textHandler struct {
	out    *lines
	level  slog.Leveler
	color  bool
	pid    int
	logger string
	module string // "-" when no script logs: the columns stay where they are
	attrs  string // further attributes, as they are written
	group  string // prefix of attributes: "a.b."
}

// Enabled implements slog.Handler.
func (h *textHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// WithAttrs implements slog.Handler.
func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	for _, a := range attrs {
		with.add(h.group, a)
	}
	return &with
}

// WithGroup implements slog.Handler.
func (h *textHandler) WithGroup(name string) slog.Handler {
	with := *h
	if name != "" {
		with.group += name + "."
	}
	return &with
}

// Handle implements slog.Handler.
func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	line := *h
	r.Attrs(func(a slog.Attr) bool {
		line.add(h.group, a)
		return true
	})
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	_, err := fmt.Fprintf(h.out, "%s [%s] %20s %s %d\t%s%s\n",
		at.Local().Format(asctime), printable(line.logger), printable(line.module), h.paint(r.Level), h.pid, printable(r.Message), line.attrs)
	return err
}

// add notes an attribute: in its column, or behind the message.
func (h *textHandler) add(group string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range value.Group() {
			h.add(group, inner)
		}
		return
	}
	switch {
	case a.Key == "" && value.Any() == nil:
	case group == "" && a.Key == Logger:
		h.logger = value.String()
	case group == "" && a.Key == Module:
		h.module = value.String()
	default:
		h.attrs += " " + printable(group+a.Key) + "=" + quoted(text(value))
	}
}

func text(value slog.Value) string {
	switch value.Kind() {
	case slog.KindTime:
		return value.Time().Format(time.RFC3339Nano)
	case slog.KindAny:
		if err, ok := value.Any().(error); ok {
			return err.Error()
		}
		return fmt.Sprintf("%+v", value.Any())
	}
	return value.String()
}

func quoted(s string) string {
	if s == "" || strings.ContainsFunc(s, func(c rune) bool { return c == '"' || c == '=' || c == ' ' || !unicode.IsPrint(c) }) {
		return strconv.Quote(s)
	}
	return s
}

// printable keeps a message from looking like something else: what follows a line end is indented, and characters that
// would steer a terminal are written out.
func printable(s string) string {
	if !strings.ContainsFunc(s, unicode.IsControl) {
		return s
	}
	var out strings.Builder
	for _, c := range strings.TrimRight(s, "\r\n") {
		switch {
		case c == '\n':
			out.WriteString("\n\t")
		case c == '\t' || !unicode.IsControl(c):
			out.WriteRune(c)
		default:
			escaped := strconv.QuoteRuneToASCII(c)
			out.WriteString(escaped[1 : len(escaped)-1])
		}
	}
	return out.String()
}

// paint returns the level, right-aligned in five columns.
func (h *textHandler) paint(level slog.Level) string {
	name := fmt.Sprintf("%5s", levelName(level))
	if !h.color {
		return name
	}
	var color int
	switch {
	case level >= slog.LevelError:
		color = 31 // red
	case level >= slog.LevelWarn:
		color = 33 // yellow
	case level < slog.LevelInfo:
		color = 90 // grey
	default:
		return name
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, name)
}

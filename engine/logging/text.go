package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
)

// textHandler writes the original's line:
//
//	2026-11-23 04:56:23,784 [StubHelloWorld]                stubs  INFO 13756<TAB>message key=value
//
// that is local time, logger, module right-aligned in 20 columns, level right-aligned in 5, process, tab, message.
type textHandler struct {
	out    *output
	level  slog.Level
	color  bool
	pid    int
	logger string
	module string
	attrs  string // rendered already, with a leading space
	group  string // prefix of keys, with a trailing dot
}

// output keeps lines of several goroutines whole.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

const timeLayout = "2006-01-02 15:04:05"

var ansi = map[string]string{"DEBUG": "\x1b[94m", "WARNING": "\x1b[93m", "ERROR": "\x1b[91m"}

const ansiReset = "\x1b[0m"

// Enabled implements slog.Handler.
func (h *textHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements slog.Handler.
func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	line := *h // Logger and Module may come with the record
	var attrs strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		line.take(&attrs, a)
		return true
	})
	if line.logger == "" {
		line.logger = "root"
	}
	if line.module == "" {
		line.module = "-"
	}
	level := fmt.Sprintf("%5s", levelName(r.Level))
	if h.color {
		if code := ansi[levelName(r.Level)]; code != "" {
			level = code + level + ansiReset
		}
	}
	t := r.Time.Local()
	text := fmt.Sprintf("%s,%03d [%s] %20s %s %d\t%s%s%s\n", t.Format(timeLayout), t.Nanosecond()/1e6, line.logger, line.module,
		level, h.pid, r.Message, h.attrs, attrs.String())
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := io.WriteString(h.out.w, text)
	return err
}

// take puts an attribute into its place in the line, or behind the message.
func (h *textHandler) take(b *strings.Builder, a slog.Attr) {
	value := a.Value.Resolve()
	switch {
	case a.Equal(slog.Attr{}):
	case value.Kind() == slog.KindGroup:
		inner := *h
		if a.Key != "" {
			inner.group += a.Key + "."
		}
		for _, sub := range value.Group() {
			inner.take(b, sub)
		}
	case h.group == "" && a.Key == Logger:
		h.logger = value.String()
	case h.group == "" && a.Key == Module:
		h.module = value.String()
	default:
		b.WriteString(" " + h.group + a.Key + "=" + quoted(value.String()))
	}
}

func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n\"=") {
		return strconv.Quote(s)
	}
	return s
}

// WithAttrs implements slog.Handler.
func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	var b strings.Builder
	for _, a := range attrs {
		next.take(&b, a)
	}
	next.attrs += b.String()
	return &next
}

// WithGroup implements slog.Handler.
func (h *textHandler) WithGroup(name string) slog.Handler {
	next := *h
	if name != "" {
		next.group += name + "."
	}
	return &next
}

package bind

import (
	"log/slog"
	"path"
	"strings"

	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"

	"github.com/rucio-task-manager/rucio-task-manager/engine/logging"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// logArguments ends the documentation of the functions that log.
const logArguments = " Its arguments are put together with spaces; tables are shown as JSON."

var logModule = module{
	name: "log",
	doc: "The task's log. Each line names the script; with --log-level debug, its line as well. " +
		"(print writes to standard output instead.)",
	functions: []function{
		{
			name: "debug", signature: "(...)",
			doc:     "Logs what helps to find a fault." + logArguments,
			example: `log.debug("rows so far:", 10)`,
			call:    logAt(slog.LevelDebug),
		},
		{
			name: "info", signature: "(...)",
			doc:     "Logs what a reader of the log wants to know." + logArguments,
			example: `log.info("uploaded", { rse = "XRD1", bytes = 10 })`,
			call:    logAt(slog.LevelInfo),
		},
		{
			name: "warn", signature: "(...)",
			doc:     "Logs what is not as it should be." + logArguments,
			example: `log.warn("no replica at", "XRD1")`,
			call:    logAt(slog.LevelWarn),
		},
		{
			name: "warning", signature: "(...)",
			doc:     "The same as log.warn, as in Python.",
			example: `log.warning("no replica at", "XRD1")`,
			call:    logAt(slog.LevelWarn),
		},
		{
			name: "error", signature: "(...)",
			doc:     "Logs what went wrong; the task goes on." + logArguments,
			example: `log.error("cannot reach", "XRD1")`,
			call:    logAt(slog.LevelError),
		},
		{
			name: "with", signature: "(fields) -> logger",
			doc: "Makes a logger that adds fields to each of its lines. It has the methods debug, info, warn and error.",
			example: `local l = log.with{ rse = "XRD1" }
l:info("uploaded")`,
			call: func(c *call) int {
				return c.give(newLogger(c.LState, c.host.log(), c.table("fields")).value(c.LState))
			},
		},
		{
			name: "logger:info", signature: "(...)",
			doc: "As log.info, with the logger's fields; so do debug, warn, warning and error.",
		},
		{
			name: "logger:with", signature: "(fields) -> logger",
			doc: "A logger with further fields.",
		},
	},
}

func logAt(level slog.Level) func(c *call) int {
	return func(c *call) int {
		writeLog(c.LState, c.host.log(), level)
		return 0
	}
}

// writeLog logs the arguments on the stack.
func writeLog(L *lua.LState, log *slog.Logger, level slog.Level) {
	ctx := contextOf(L)
	if !log.Enabled(ctx, level) {
		return
	}
	words := make([]string, L.GetTop())
	for i := range words {
		words[i] = L.ToStringMeta(printable(L, L.Get(i+1))).String()
	}
	var attrs []slog.Attr
	if file, line := vm.Caller(L); file != "" {
		attrs = append(attrs, slog.String(logging.Module, strings.TrimSuffix(path.Base(file), ".lua")))
		if log.Enabled(ctx, slog.LevelDebug) {
			attrs = append(attrs, slog.String(LogFile, file), slog.Int(LogLine, line))
		}
	}
	log.LogAttrs(ctx, level, strings.Join(words, " "), attrs...)
}

// A logger is the object that log.with returns.
type logger struct{ log *slog.Logger }

// newLogger makes a logger that adds the fields of a table to those of another.
func newLogger(L *lua.LState, log *slog.Logger, fields *lua.LTable) *logger {
	var attrs []any
	for key, v := fields.Next(lua.LNil); key != lua.LNil; key, v = fields.Next(key) {
		attrs = append(attrs, slog.String(key.String(), L.ToStringMeta(printable(L, v)).String()))
	}
	return &logger{log.With(attrs...)}
}

func (l *logger) value(L *lua.LState) lua.LValue { return object(L, l, "logger") }

// CrossTo implements vm.Crosser.
func (l *logger) CrossTo(v *vm.VM) (lua.LValue, error) { return l.value(v.State()), nil }

// Debug is logger:debug.
func (l *logger) Debug(L *luar.LState) int { return l.write(L, slog.LevelDebug) }

// Info is logger:info.
func (l *logger) Info(L *luar.LState) int { return l.write(L, slog.LevelInfo) }

// Warn is logger:warn.
func (l *logger) Warn(L *luar.LState) int { return l.write(L, slog.LevelWarn) }

// Warning is logger:warning.
func (l *logger) Warning(L *luar.LState) int { return l.write(L, slog.LevelWarn) }

// Error is logger:error.
func (l *logger) Error(L *luar.LState) int { return l.write(L, slog.LevelError) }

func (l *logger) write(L *luar.LState, level slog.Level) int {
	writeLog(L.LState, l.log, level)
	return 0
}

// With is logger:with.
func (l *logger) With(L *luar.LState) int {
	c := &call{LState: L.LState, name: "logger:with"}
	return c.give(newLogger(L.LState, l.log, c.table("fields")).value(L.LState))
}

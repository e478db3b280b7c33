package vm

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Frame is one call of a traceback.
type Frame struct {
	File string // "" for a Go function
	Line int
	Name string // "function 'upload'", "main chunk" ...
}

// String returns the frame as a line of a traceback.
func (f Frame) String() string {
	if f.File == "" {
		return "[Go]: in " + f.Name
	}
	return fmt.Sprintf("%s:%d: in %s", f.File, f.Line, f.Name)
}

// maxFrames is how many calls a traceback notes; deeper ones are recursion.
const maxFrames = 200

// frames returns the calls of a thread, innermost first.
func frames(L *lua.LState) []Frame {
	var all []Frame
	for level := 0; level < maxFrames; level++ {
		frame, ok := frameAt(L, level)
		if !ok {
			break
		}
		all = append(all, frame)
	}
	return all
}

// outermost is what gopher-lua calls the first function of a thread, whatever its name is.
var outermost = map[string]bool{"main chunk": true, "corountine": true}

func frameAt(L *lua.LState, level int) (Frame, bool) {
	info, ok := L.GetStack(level)
	if !ok {
		return Frame{}, false
	}
	if _, err := L.GetInfo("nSl", info, lua.LNil); err != nil {
		return Frame{}, false
	}
	frame := Frame{File: info.Source, Line: info.CurrentLine}
	switch {
	case info.What == "main" && info.Source != "" && info.LineDefined == 0:
		frame.Name = "main chunk"
	case info.Name != "" && info.Name != "?" && !outermost[info.Name]:
		frame.Name = "function '" + info.Name + "'"
	case info.Source != "":
		frame.Name = fmt.Sprintf("function <%s:%d>", info.Source, info.LineDefined)
	default:
		frame.Name = "a Go function"
	}
	return frame, true
}

// position returns "file:line:" of a level of L's calls (0 is the Go function that runs), or "" where there is none.
func position(L *lua.LState, level int) string {
	if level <= 0 {
		return ""
	}
	frame, ok := frameAt(L, level)
	if !ok || frame.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d:", frame.File, frame.Line)
}

// Caller returns the script and the line that called the running Go function; "" when no script did.
func Caller(L *lua.LState) (file string, line int) {
	for level := 0; level < maxFrames; level++ {
		frame, ok := frameAt(L, level)
		if !ok {
			break
		}
		if frame.File != "" {
			return frame.File, frame.Line
		}
	}
	return "", 0
}

// innermost returns the first frame that is a script's.
func innermost(trace []Frame) Frame {
	for _, frame := range trace {
		if frame.File != "" {
			return frame
		}
	}
	return Frame{}
}

// shownFrames is how many calls a printed traceback shows of either end of a deep recursion.
const shownFrames = 10

func formatTrace(trace []Frame) string {
	var lines []string
	for i, frame := range trace {
		hidden := len(trace) - 2*shownFrames
		switch {
		case hidden > 1 && i == shownFrames:
			lines = append(lines, fmt.Sprintf("... (%d more calls)", hidden))
		case hidden > 1 && i > shownFrames && i < shownFrames+hidden:
		default:
			lines = append(lines, frame.String())
		}
	}
	return strings.Join(lines, "\n")
}

// traceback is debug.traceback([message]). In an xpcall handler it shows the calls that led to the error.
func (v *VM) traceback(L *lua.LState) int {
	message := L.Get(1)
	if L.GetTop() > 0 && message != lua.LNil && !lua.LVCanConvToString(message) && GoError(message) == nil {
		L.Push(message) // as Lua: anything that is not a text is returned untouched
		return 1
	}
	trace := frames(L)[1:]
	if v.handlingTrace != nil {
		trace = v.handlingTrace
	}
	text := "stack traceback:\n\t" + strings.ReplaceAll(formatTrace(trace), "\n", "\n\t")
	if message != lua.LNil {
		text = L.ToStringMeta(message).String() + "\n" + text
	}
	L.Push(lua.LString(text))
	return 1
}

// positioned matches the message of an error that was raised with a position: "tasks/stubs.lua:3: no such site".
var positioned = regexp.MustCompile(`(?s)^(.+?):(\d+): (.*)$`)

// splitPosition takes the position off a message, if it names a script of the traceback.
func splitPosition(message string, trace []Frame) (file string, line int, rest string) {
	match := positioned.FindStringSubmatch(message)
	if match == nil {
		return "", 0, message
	}
	for _, frame := range trace {
		if frame.File == match[1] {
			line, _ := strconv.Atoi(match[2]) // the expression takes digits only
			return match[1], line, match[3]
		}
	}
	return "", 0, message
}

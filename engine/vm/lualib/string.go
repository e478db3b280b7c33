// Package lualib holds the parts of Lua's standard library that gopher-lua's own does not do well enough for scripts that
// others write: pattern matching that can be stopped, results whose size is bounded, a string.format that reports wrong
// arguments and prints error values, numbers read as Lua reads them, random numbers that belong to one VM.
package lualib

import (
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Limits bounds what one library call may make.
type Limits struct {
	MaxString int64 // bytes of a result; 0 means no limit beyond what Go can allocate
}

// hardMaxString stands in where no limit is given: larger results are mistakes.
const hardMaxString = 1 << 31

// check raises an error when a result of size bytes is too large to be made.
func (l Limits) check(L *lua.LState, function string, size int) {
	limit := l.MaxString
	if limit <= 0 {
		limit = hardMaxString
	}
	if int64(size) > limit {
		L.RaiseError("%s: a result of %s exceeds the limit of %s", function, Size(int64(size)), Size(limit))
	}
}

// product multiplies sizes; what is too large becomes the largest size.
func product(a, b int) int {
	if a > 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}

// Size writes a number of bytes for people: "512 MiB".
func Size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	n, i := float64(bytes), 0
	for ; n >= 1024 && i < len(units)-1; i++ {
		n /= 1024
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") + " " + units[i]
}

// stopped returns the error that ended L's context, if it has ended.
func stopped(L *lua.LState) error {
	if ctx := L.Context(); ctx != nil {
		return ctx.Err()
	}
	return nil
}

// OpenString replaces find, match, gmatch, gsub, rep and format in the string library.
func OpenString(L *lua.LState, limits Limits) {
	library := L.GetGlobal(lua.StringLibName).(*lua.LTable)
	set := func(name string, fn lua.LGFunction) { library.RawSetString(name, L.NewFunction(fn)) }
	set("find", stringFind)
	set("match", stringMatch)
	set("gmatch", stringGmatch)
	library.RawSetString("gfind", lua.LNil)
	set("gsub", func(L *lua.LState) int { return stringGsub(L, limits) })
	set("format", func(L *lua.LState) int { return stringFormat(L, limits) })
	set("rep", func(L *lua.LState) int {
		text, n := L.CheckString(1), L.CheckInt(2)
		limits.check(L, "string.rep", product(len(text), max(n, 0)))
		L.Push(lua.LString(strings.Repeat(text, max(n, 0))))
		return 1
	})
}

func newMatcher(L *lua.LState, subject, pattern string) *matcher {
	return &matcher{subject: subject, pattern: pattern, poll: func() error { return stopped(L) }}
}

// offset turns Lua's init argument into an index of the subject.
func offset(init, length int) int {
	if init < 0 {
		init += length + 1
	}
	return min(max(init-1, 0), length)
}

func stringFind(L *lua.LState) int {
	subject, pattern := L.CheckString(1), L.CheckString(2)
	init := offset(L.OptInt(3, 1), len(subject))
	if L.ToBool(4) || !strings.ContainsAny(pattern, "^$*+?.([%-") {
		i := strings.Index(subject[init:], pattern)
		if i < 0 {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(init + i + 1))
		L.Push(lua.LNumber(init + i + len(pattern)))
		return 2
	}
	m := newMatcher(L, subject, pattern)
	start, end := search(L, m, init)
	if end < 0 {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(start + 1))
	L.Push(lua.LNumber(end))
	return 2 + pushCaptures(L, m, start, end, false)
}

func stringMatch(L *lua.LState) int {
	m := newMatcher(L, L.CheckString(1), L.CheckString(2))
	start, end := search(L, m, offset(L.OptInt(3, 1), len(m.subject)))
	if end < 0 {
		L.Push(lua.LNil)
		return 1
	}
	return pushCaptures(L, m, start, end, true)
}

func search(L *lua.LState, m *matcher, init int) (start, end int) {
	start, end, err := m.find(init)
	if err != nil {
		L.RaiseError("%s", err.Error())
	}
	return start, end
}

// stringGmatch finds matches one at a time, as the loop asks for them.
func stringGmatch(L *lua.LState) int {
	subject, pattern := L.CheckString(1), L.CheckString(2)
	next := 0
	L.Push(L.NewFunction(func(L *lua.LState) int {
		m := newMatcher(L, subject, pattern)
		for s := next; s <= len(subject); s++ {
			end, err := m.run(s, 0)
			if err != nil {
				L.RaiseError("%s", err.Error())
			}
			if end >= 0 {
				if next = end; end == s {
					next++
				}
				return pushCaptures(L, m, s, end, true)
			}
		}
		next = len(subject) + 1
		L.Push(lua.LNil)
		return 1
	}))
	return 1
}

// pushCaptures pushes the captures of a match and returns their number; whole asks for the whole match where the pattern
// has none.
func pushCaptures(L *lua.LState, m *matcher, start, end int, whole bool) int {
	if m.level == 0 && whole {
		L.Push(lua.LString(m.subject[start:end]))
		return 1
	}
	for i := range m.level {
		L.Push(captured(L, m, i))
	}
	return m.level
}

func captured(L *lua.LState, m *matcher, i int) lua.LValue {
	switch c := m.captures[i]; c.length {
	case unfinished:
		L.RaiseError("unfinished capture in pattern")
		return lua.LNil
	case position:
		return lua.LNumber(c.start + 1)
	default:
		return lua.LString(m.subject[c.start : c.start+c.length])
	}
}

func stringGsub(L *lua.LState, limits Limits) int {
	subject, pattern := L.CheckString(1), L.CheckString(2)
	replace := replacer(L, L.Get(3))
	most := L.OptInt(4, len(subject)+1)
	m := newMatcher(L, subject, pattern)
	p, anchored := 0, strings.HasPrefix(pattern, "^")
	if anchored {
		p = 1
	}
	var out strings.Builder
	s, n := 0, 0
	for n < most {
		end, err := m.run(s, p)
		if err != nil {
			L.RaiseError("%s", err.Error())
		}
		if end >= 0 {
			n++
			text := replace(m, s, end)
			limits.check(L, "string.gsub", out.Len()+len(text))
			out.WriteString(text)
		}
		switch {
		case end > s:
			s = end
		case s < len(subject):
			out.WriteByte(subject[s])
			s++
		default:
			s++
		}
		if s > len(subject) || anchored {
			break
		}
	}
	if s < len(subject) {
		out.WriteString(subject[s:])
	}
	L.Push(lua.LString(out.String()))
	L.Push(lua.LNumber(n))
	return 2
}

// replacer returns how gsub's third argument makes the text that stands for a match.
func replacer(L *lua.LState, by lua.LValue) func(m *matcher, start, end int) string {
	switch by := by.(type) {
	case lua.LString, lua.LNumber:
		template := by.String()
		return func(m *matcher, start, end int) string { return expand(L, m, template, start, end) }
	case *lua.LTable:
		return func(m *matcher, start, end int) string {
			return replacement(L, L.GetTable(by, first(L, m, start, end)), m.subject[start:end])
		}
	case *lua.LFunction:
		return func(m *matcher, start, end int) string {
			L.Push(by)
			found := *m // a callback may match again, but not with this matcher
			n := pushCaptures(L, &found, start, end, true)
			L.Call(n, 1)
			value := L.Get(-1)
			L.Pop(1)
			return replacement(L, value, m.subject[start:end])
		}
	}
	L.ArgError(3, "string, table or function expected, got "+by.Type().String())
	return nil
}

func first(L *lua.LState, m *matcher, start, end int) lua.LValue {
	if m.level == 0 {
		return lua.LString(m.subject[start:end])
	}
	return captured(L, m, 0)
}

func replacement(L *lua.LState, value lua.LValue, original string) string {
	switch value.(type) {
	case lua.LString, lua.LNumber:
		return value.String()
	}
	if lua.LVAsBool(value) {
		L.RaiseError("string.gsub: the replacement is a %s, not a string", value.Type())
	}
	return original
}

// expand fills %0 to %9 and %% into a replacement text.
func expand(L *lua.LState, m *matcher, template string, start, end int) string {
	if !strings.Contains(template, "%") {
		return template
	}
	var out strings.Builder
	for i := 0; i < len(template); i++ {
		if template[i] != '%' || i+1 == len(template) {
			out.WriteByte(template[i])
			continue
		}
		i++
		switch c := template[i]; {
		case c == '0' || c == '1' && m.level == 0:
			out.WriteString(m.subject[start:end])
		case isDigit(c):
			if int(c-'1') >= m.level {
				L.RaiseError("string.gsub: the replacement uses %%%c, but the pattern has %d captures", c, m.level)
			}
			out.WriteString(captured(L, m, int(c-'1')).String())
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

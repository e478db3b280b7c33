package lualib

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// stringFormat is string.format of Lua 5.1, with %s as in later versions: it takes any value and honours __tostring, so
// that error values can be printed.
func stringFormat(L *lua.LState, limits Limits) int {
	format := L.CheckString(1)
	var out strings.Builder
	arg := 1
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		if i++; i < len(format) && format[i] == '%' {
			out.WriteByte('%')
			continue
		}
		spec := directive(L, format[i:])
		i += len(spec.text) - 1
		arg++
		text := spec.format(L, arg)
		limits.check(L, "string.format", out.Len()+len(text))
		out.WriteString(text)
	}
	L.Push(lua.LString(out.String()))
	return 1
}

// spec is one directive of a format, for instance "-5.2f".
type spec struct {
	text string // all of it, without the "%"
	verb byte
}

func directive(L *lua.LState, format string) spec {
	flags := len(format) - len(strings.TrimLeft(format, "-+ #0"))
	width := digits(format[flags:])
	i, precision := flags+width, 0
	if i < len(format) && format[i] == '.' {
		precision = digits(format[i+1:])
		i += 1 + precision
	}
	if flags > 5 || width > 2 || precision > 2 {
		L.RaiseError("string.format: width or precision too long in '%%%s'", format[:min(i+1, len(format))])
	}
	if i >= len(format) || !strings.ContainsRune("cdiouxXeEfgGqs", rune(format[i])) {
		L.RaiseError("string.format: invalid directive '%%%s'", format[:min(i+1, len(format))])
	}
	return spec{format[:i+1], format[i]}
}

func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// format writes argument n of the call as the directive says.
func (s spec) format(L *lua.LState, n int) string {
	if n > L.GetTop() {
		L.RaiseError("string.format: no value for '%%%s' (argument #%d)", s.text, n)
	}
	options := "%" + s.text[:len(s.text)-1]
	switch s.verb {
	case 's':
		return fmt.Sprintf(options+"s", L.ToStringMeta(L.Get(n)).String())
	case 'q':
		return quote(L.CheckString(n))
	case 'c':
		return fmt.Sprintf(options+"s", string([]byte{byte(s.integer(L, n) & 0xff)}))
	case 'd', 'i':
		return fmt.Sprintf(options+"d", s.integer(L, n))
	case 'u':
		return fmt.Sprintf(options+"d", s.unsigned(L, n))
	case 'o', 'x', 'X':
		return fmt.Sprintf(options+string(s.verb), s.unsigned(L, n))
	case 'g', 'G':
		if !strings.Contains(options, ".") {
			options += ".6" // C's default; Go's is the shortest text
		}
	}
	return fmt.Sprintf(options+string(s.verb), s.number(L, n))
}

func (s spec) integer(L *lua.LState, n int) int64 {
	f := s.number(L, n)
	if math.IsNaN(f) || f < math.MinInt64 || f >= math.MaxInt64 {
		L.RaiseError("string.format: %v for '%%%s' (argument #%d) has no integer value", f, s.text, n)
	}
	return int64(f)
}

// unsigned returns an argument as C's unsigned integers have it: negative ones count down from 2^64.
func (s spec) unsigned(L *lua.LState, n int) uint64 {
	return uint64(s.integer(L, n)) //nolint:gosec // as said
}

func (s spec) number(L *lua.LState, n int) float64 {
	value, ok := ToNumber(L.Get(n))
	if !ok {
		L.RaiseError("string.format: '%%%s' needs a number (argument #%d), got %s", s.text, n, describe(L.Get(n)))
	}
	return float64(value)
}

func describe(value lua.LValue) string {
	if text, ok := value.(lua.LString); ok {
		return "the string " + strconv.Quote(string(text))
	}
	return value.Type().String()
}

// quote writes text so that Lua reads it back.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := range len(text) {
		switch c := text[i]; c {
		case '"', '\\', '\n':
			out.WriteByte('\\')
			out.WriteByte(c)
		case '\r':
			out.WriteString(`\r`)
		case 0:
			out.WriteString(`\000`)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

package lualib

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// space is what Lua skips around a number.
const space = " \t\n\v\f\r"

// ToNumber returns value as a number: a number itself, or a string that reads as one.
func ToNumber(value lua.LValue) (lua.LNumber, bool) {
	switch value := value.(type) {
	case lua.LNumber:
		return value, true
	case lua.LString:
		return parseNumber(string(value))
	}
	return 0, false
}

// parseNumber reads a number as Lua 5.1 writes it: decimal with exponent, or a hexadecimal integer.
func parseNumber(text string) (lua.LNumber, bool) {
	text = strings.Trim(text, space)
	unsigned := strings.TrimLeft(text, "+-")
	if len(text)-len(unsigned) > 1 || unsigned == "" {
		return 0, false
	}
	if hex, ok := strings.CutPrefix(strings.ToLower(unsigned), "0x"); ok {
		n, err := strconv.ParseUint(hex, 16, 64)
		if strings.HasPrefix(text, "-") {
			return -lua.LNumber(n), err == nil
		}
		return lua.LNumber(n), err == nil
	}
	if strings.Trim(unsigned, "0123456789.eE+-") != "" {
		return 0, false // Go would read "inf", "nan" and "1_000"
	}
	n, err := strconv.ParseFloat(text, 64)
	if math.IsInf(n, 0) {
		err = nil // too large to be exact, but a number
	}
	return lua.LNumber(n), err == nil
}

// OpenNumbers replaces tonumber, and in the math library random, randomseed and huge. gopher-lua's tonumber does not read
// "1e5", its random numbers are shared by the whole process, and its math.huge is not infinite.
func OpenNumbers(L *lua.LState) {
	L.SetGlobal("tonumber", L.NewFunction(toNumber))
	library := L.GetGlobal(lua.MathLibName).(*lua.LTable)
	library.RawSetString("huge", lua.LNumber(math.Inf(1)))
	source := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // math.random is no secret
	library.RawSetString("random", L.NewFunction(func(L *lua.LState) int { return random(L, source) }))
	library.RawSetString("randomseed", L.NewFunction(func(L *lua.LState) int {
		*source = *rand.New(rand.NewPCG(math.Float64bits(float64(L.CheckNumber(1))), 0)) //nolint:gosec // math.random is no secret
		return 0
	}))
}

func toNumber(L *lua.LState) int {
	base := L.OptInt(2, 10)
	if base == 10 {
		if n, ok := ToNumber(L.CheckAny(1)); ok {
			L.Push(n)
			return 1
		}
		L.Push(lua.LNil)
		return 1
	}
	if base < 2 || base > 36 {
		L.ArgError(2, "base out of range")
	}
	text := strings.Trim(L.CheckString(1), space)
	if base == 16 {
		text = strings.TrimPrefix(strings.ToLower(text), "0x")
	}
	if n, err := strconv.ParseInt(text, base, 64); err == nil {
		L.Push(lua.LNumber(n))
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

// random is math.random: [0, 1), or an integer from 1 to m, or from m to n.
func random(L *lua.LState, source *rand.Rand) int {
	var low, high float64
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(source.Float64()))
		return 1
	case 1:
		low, high = 1, float64(L.CheckNumber(1))
	default:
		low, high = float64(L.CheckNumber(1)), float64(L.CheckNumber(2))
	}
	low, high = math.Floor(low), math.Floor(high)
	if !(low <= high) {
		L.RaiseError("math.random: no integer from %v to %v", low, high)
	}
	if high-low >= 1<<62 {
		L.RaiseError("math.random: the range from %v to %v is too large", low, high)
	}
	L.Push(lua.LNumber(low + float64(source.Int64N(int64(high-low)+1))))
	return 1
}

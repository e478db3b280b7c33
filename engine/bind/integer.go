package bind

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// An Integer is an integer that a Lua number, a float64, cannot hold: the sum of a large RSE's bytes is beyond 2^53. Rather
// than lose digits, JSON's decoder gives scripts this value. It prints, concatenates and is written as JSON with all its
// digits; two of them compare. Arithmetic and tonumber(x) make a number of it, rounded to 53 bits: who calculates asks for
// it. To compare it with a number, or for string.format's %d, write tonumber(x).
//
// To gopher-lua it is a userdata; being a Go value, it is equal to any Integer with the same digits, in any VM.
type Integer string

// String returns the digits.
func (n Integer) String() string { return string(n) }

// Type implements lua.LValue.
func (n Integer) Type() lua.LValueType { return lua.LTUserData }

// MarshalJSON writes the digits.
func (n Integer) MarshalJSON() ([]byte, error) { return json.Marshal(json.Number(n)) }

func (n Integer) float() float64 {
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// compare is the order of two Integers.
func (n Integer) compare(m Integer) int {
	a, _ := new(big.Int).SetString(string(n), 10)
	b, _ := new(big.Int).SetString(string(m), 10)
	return a.Cmp(b)
}

// Null is JSON's null in Lua: json.null, rucio.null. It is written where a nil would mean "absent": in the arguments of a
// Rucio method, and as an item of a list. Read, a null field of an object is nil, as if it were absent.
//
// As Integer, it is a Go value and equal to itself in any VM.
type Null struct{}

// String returns "null".
func (Null) String() string { return "null" }

// Type implements lua.LValue.
func (Null) Type() lua.LValueType { return lua.LTUserData }

// setOperators makes Integer's operators. gopher-lua keeps one metatable for all values of a type that are not its own
// userdata: it serves Integer and Null.
func setOperators(L *lua.LState) {
	meta := L.CreateTable(0, 10)
	for event, calculate := range map[string]func(a, b float64) float64{
		"__add": func(a, b float64) float64 { return a + b },
		"__sub": func(a, b float64) float64 { return a - b },
		"__mul": func(a, b float64) float64 { return a * b },
		"__div": func(a, b float64) float64 { return a / b },
		"__mod": func(a, b float64) float64 { return a - math.Floor(a/b)*b },
		"__pow": math.Pow,
	} {
		meta.RawSetString(event, L.NewFunction(func(L *lua.LState) int {
			L.Push(lua.LNumber(calculate(operand(L, 1), operand(L, 2))))
			return 1
		}))
	}
	meta.RawSetString("__unm", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LNumber(-operand(L, 1)))
		return 1
	}))
	compare := func(holds func(order int) bool) *lua.LFunction {
		return L.NewFunction(func(L *lua.LState) int {
			a, aOK := L.Get(1).(Integer)
			b, bOK := L.Get(2).(Integer)
			if !aOK || !bOK {
				L.RaiseError("attempt to compare %s with %s", describe(L.Get(1)), describe(L.Get(2)))
			}
			L.Push(lua.LBool(holds(a.compare(b))))
			return 1
		})
	}
	meta.RawSetString("__lt", compare(func(order int) bool { return order < 0 }))
	meta.RawSetString("__le", compare(func(order int) bool { return order <= 0 }))
	meta.RawSetString("__concat", L.NewFunction(func(L *lua.LState) int {
		for i := 1; i <= 2; i++ {
			switch L.Get(i).(type) {
			case lua.LString, lua.LNumber, Integer:
			default:
				L.RaiseError("attempt to concatenate %s", describe(L.Get(i)))
			}
		}
		L.Push(lua.LString(L.Get(1).String() + L.Get(2).String()))
		return 1
	}))
	L.SetMetatable(Null{}, meta)
}

// operand returns argument n as a number for arithmetic.
func operand(L *lua.LState, n int) float64 {
	switch v := L.Get(n).(type) {
	case lua.LNumber:
		return float64(v)
	case Integer:
		return v.float()
	case lua.LString:
		if f, err := strconv.ParseFloat(string(v), 64); err == nil {
			return f
		}
	}
	L.RaiseError("attempt to perform arithmetic on %s", describe(L.Get(n)))
	return 0
}

package lualib_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/lualib"
)

func newState(t testing.TB, limits lualib.Limits) *lua.LState {
	L := lua.NewState()
	t.Cleanup(L.Close)
	lualib.OpenString(L, limits)
	lualib.OpenTable(L, limits)
	lualib.OpenNumbers(L)
	return L
}

// TestAnswersAreThoseOfLua compares with what Lua 5.1.5 printed for the same script.
func TestAnswersAreThoseOfLua(t *testing.T) {
	const script = "testdata/stdlib.lua"
	want, err := os.ReadFile("testdata/stdlib.txt")
	if err != nil {
		t.Fatal(err)
	}
	if path, err := exec.LookPath("lua5.1"); err == nil {
		fresh, err := exec.Command(path, script).Output()
		if err != nil || !bytes.Equal(fresh, want) {
			t.Fatalf("stdlib.txt is stale: run lua5.1 stdlib.lua > stdlib.txt (%v)", err)
		}
	}
	L := newState(t, lualib.Limits{})
	var got strings.Builder
	L.SetGlobal("print", L.NewFunction(func(L *lua.LState) int {
		got.WriteString(L.CheckString(1) + "\t" + L.CheckString(2) + "\n")
		return 0
	}))
	if err := L.DoFile(script); err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := line(gotLines, i), line(wantLines, i)
		if g != w {
			t.Errorf("line %d: got %s, Lua says %s", i+1, g, w)
		}
	}
}

func line(lines []string, i int) string {
	if i >= len(lines) {
		return "nothing"
	}
	return lines[i]
}

// answer runs a text and returns its first result, or the error's message.
func answer(t *testing.T, limits lualib.Limits, source string) string {
	t.Helper()
	L := newState(t, limits)
	fn, err := L.LoadString(source)
	if err != nil {
		t.Fatal(err)
	}
	L.Push(fn)
	if err := L.PCall(0, 1, nil); err != nil {
		var failed *lua.ApiError
		if !errors.As(err, &failed) {
			t.Fatal(err)
		}
		return failed.Object.String()
	}
	return L.Get(-1).String()
}

func TestMessages(t *testing.T) {
	for source, want := range map[string]string{
		`("x"):find("[a")`:                            `<string>:1: missing ']' in pattern`,
		`("x"):find("%")`:                             `<string>:1: pattern ends with '%'`,
		`("x"):find("(")`:                             `<string>:1: unfinished capture in pattern`,
		`("x"):match("x)")`:                           `<string>:1: ')' without '(' in pattern`,
		`("x"):find("%1")`:                            `<string>:1: capture %1 is used in the pattern before it is complete`,
		`("x"):find("%bx")`:                           `<string>:1: '%b' needs two characters in pattern`,
		`("x"):find("%fx")`:                           `<string>:1: missing '[' after '%f' in pattern`,
		`("x"):find(("()"):rep(33))`:                  `<string>:1: too many captures in pattern`,
		`("x"):rep(1e5):find(("x-"):rep(1e4) .. "y")`: `<string>:1: pattern too complex`,
		`("x"):gsub("x", "%2")`:                       `<string>:1: string.gsub: the replacement uses %2, but the pattern has 0 captures`,
		`("x"):gsub("x", {x = {}})`:                   `<string>:1: string.gsub: the replacement is a table, not a string`,
		`("x"):gsub("x", true)`:                       `<string>:1: bad argument #3 to gsub (string, table or function expected, got boolean)`,
		`("%d"):format("ten")`:                        `<string>:1: string.format: '%d' needs a number (argument #2), got the string "ten"`,
		`("%d %d"):format(1)`:                         `<string>:1: string.format: no value for '%d' (argument #3)`,
		`("%d"):format(0/0)`:                          `<string>:1: string.format: NaN for '%d' (argument #2) has no integer value`,
		`("%y"):format(1)`:                            `<string>:1: string.format: invalid directive '%y'`,
		`("%123d"):format(1)`:                         `<string>:1: string.format: width or precision too long in '%123d'`,
		`table.concat({1, {}})`:                       `<string>:1: table.concat: element 2 is a table, not a string or a number`,
		`math.random(5, 1)`:                           `<string>:1: math.random: no integer from 5 to 1`,
		`math.random(0, 1e300)`:                       `<string>:1: math.random: the range from 0 to 1e+300 is too large`,
		`tonumber("1", 99)`:                           `<string>:1: bad argument #2 to tonumber (base out of range)`,
		`return ("%s"):format(setmetatable({}, {__tostring = function() return "shown" end}))`: `shown`,
		`return ("%s %s"):format(nil, true)`:                                                   `nil true`,
		`return ("%5s|"):format("é")`:                                                          `    é|`,
	} {
		if got := answer(t, lualib.Limits{}, source); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	limits := lualib.Limits{MaxString: 2048}
	for source, want := range map[string]string{
		`return #("x"):rep(2048)`:                  `2048`,
		`("x"):rep(2049)`:                          `string.rep: a result of 2 KiB exceeds the limit of 2 KiB`,
		`("x"):rep(1e18)`:                          `string.rep: a result of 888.2 PiB exceeds the limit of 2 KiB`,
		`("xy"):rep(9e18)`:                         `string.rep: a result of 8 EiB exceeds the limit of 2 KiB`,
		`("x"):rep(100):gsub("x", ("y"):rep(100))`: `string.gsub: a result of 2.1 KiB exceeds the limit of 2 KiB`,
		`("%s%s%s"):format(("x"):rep(1000), ("x"):rep(1000), ("x"):rep(1000))`: `string.format: a result of 2.9 KiB exceeds the limit of 2 KiB`,
		`local s = ("x"):rep(1024); table.concat({s, s}, ",")`:                 `table.concat: a result of 2 KiB exceeds the limit of 2 KiB`,
	} {
		if got := strings.TrimPrefix(answer(t, limits, source), "<string>:1: "); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

func TestSortLeavesTheListWhenItFails(t *testing.T) {
	got := answer(t, lualib.Limits{}, `
		local list, n = {3, 2, 1}, 0
		pcall(table.sort, list, function(a, b) n = n + 1; if n == 2 then error("x") end; return a < b end)
		return table.concat(list, " ")`)
	if got != "3 2 1" {
		t.Errorf("the list is %s", got)
	}
}

func TestLongLists(t *testing.T) {
	got := answer(t, lualib.Limits{}, `
		local list = {}
		for i = 1, 200000 do list[i] = i % 10 end
		table.sort(list)
		return #table.concat(list) .. list[1] .. list[200000]`)
	if got != "20000009" {
		t.Errorf("got %s", got)
	}
}

func TestRandomNumbersBelongToAState(t *testing.T) {
	const draw = `math.randomseed(7); return math.random(1e9)`
	a, b := answer(t, lualib.Limits{}, draw), answer(t, lualib.Limits{}, draw)
	if a != b {
		t.Errorf("the same seed gave %s and %s", a, b)
	}
	if c := answer(t, lualib.Limits{}, `return math.random(1e9)`); c == a {
		t.Errorf("a fresh state goes on with another's seed")
	}
}

func TestMatchAll(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"%w+", "abc", true}, {"%w+", "abc-", false}, {"a-", "aaa", true}, {"^a$", "a", true}, {"a*%$", "aa$", true}, {"a*%$", "aa", false},
		{"", "", true}, {"", "x", false}, {"[%w_.-]+:.+", "scope:name", true},
	} {
		if got, err := lualib.MatchAll(test.pattern, test.text); err != nil || got != test.want {
			t.Errorf("MatchAll(%q, %q) is %v, %v", test.pattern, test.text, got, err)
		}
	}
	for _, pattern := range []string{"[a", "%", strings.Repeat("a*", 30) + "b"} {
		if _, err := lualib.MatchAll(pattern, strings.Repeat("a", 5000)); err == nil {
			t.Errorf("%q is no error", pattern)
		}
	}
}

func FuzzMatchAll(f *testing.F) {
	f.Add("(%w+)=(%w*)", "key=value")
	f.Add("%b()%f[%a]%1", "(a)a")
	f.Add("[^%]-a]*$", "--")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if ok, err := lualib.MatchAll(pattern, text); ok && err != nil {
			t.Errorf("both a match and %v", err)
		}
	})
}

func BenchmarkGsub(b *testing.B) {
	L := newState(b, lualib.Limits{})
	fn, err := L.LoadString(`local s = ("word "):rep(1e5); return function() return (s:gsub("%a+", "%0!")) end`)
	if err != nil {
		b.Fatal(err)
	}
	L.Push(fn)
	L.Call(0, 1)
	again := L.Get(-1)
	for b.Loop() {
		L.Push(again)
		L.Call(0, 0)
	}
}

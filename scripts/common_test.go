package scripts_test

import (
	"strconv"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/scripts"
)

// eval runs Lua with the embedded scripts, and returns its first result.
func eval(t *testing.T, code string) lua.LValue {
	t.Helper()
	v := vm.New(vm.Options{
		Roots:   []vm.Root{{Name: "embedded", FS: scripts.FS}},
		Modules: bind.Modules(&bind.Host{}), Prepare: bind.Prepare, Fill: bind.Fill,
	})
	t.Cleanup(v.Close)
	fn, err := v.Load("test", code)
	if err != nil {
		t.Fatal(err)
	}
	results, err := v.Call(t.Context(), fn)
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		actual, expected string
		equal, contains  bool
	}{
		{`{"version": "41.5.1"}`, `{"version": "41.5.1"}`, true, true},
		{`{"version": "41.5.1"}`, `{"version": "41.5.2"}`, false, false},
		{`{"version": "1.29"}`, `{"version": 1.29}`, false, false},
		{`{"version": "41.5.1", "vo": "def"}`, `{"version": "41.5.1"}`, false, true},
		{`{"version": "41.5.1"}`, `{"version": "41.5.1", "vo": "def"}`, false, false},
		{`{"a": {"b": [1, {"c": 2, "d": 3}]}}`, `{"a": {"b": [1, {"c": 2}]}}`, false, true},
		{`{"a": [1, 2]}`, `{"a": [1]}`, false, false},
		{`{"a": [1]}`, `{"a": [1, 2]}`, false, false},
		{`{"a": {}}`, `{"a": 1}`, false, false},
		{`["OK"]`, `["OK"]`, true, true},
		{`"OK"`, `"OK"`, true, true},
		{`{"n": 9007199254740993}`, `{"n": 9007199254740993}`, true, true},
		{`{"n": 9007199254740993}`, `{"n": 9007199254740992}`, false, false},
	} {
		for name, want := range map[string]bool{"equal": c.equal, "contains": c.contains} {
			got := eval(t, `return require("common.compare").`+name+`(json.decode(`+strconv.Quote(c.actual)+`), json.decode(`+strconv.Quote(c.expected)+`))`)
			if got != lua.LBool(want) {
				t.Errorf("%s(%s, %s) = %v", name, c.actual, c.expected, got)
			}
		}
	}
}

func TestTimestamp(t *testing.T) {
	seconds := strconv.FormatFloat(float64(time.Date(2026, 11, 23, 4, 56, 23, 784125000, time.Local).UnixMicro())/1e6, 'f', 6, 64)
	if got := eval(t, `return require("common.timestamp").iso(`+seconds+`)`); got.String() != "2026-11-23T04:56:23.784125" {
		t.Error(got)
	}
	if got := eval(t, `return require("common.timestamp").milliseconds(1795323383.784125)`); got != lua.LNumber(1795323383784) {
		t.Error(got)
	}
	if got := eval(t, `return require("common.timestamp").of_rucio("Sat, 31 Jan 2026 12:00:00 UTC")`); got.String() != "2026-01-31T12:00:00" {
		t.Error(got)
	}
	if got := eval(t, `return require("common.timestamp").of_rucio(nil) == json.null`); got != lua.LTrue {
		t.Error(got)
	}
	if got := eval(t, `return math.abs(require("common.timestamp").milliseconds() / 1000 - time.now()) < 60`); got != lua.LTrue {
		t.Error(got)
	}
}

func TestUnsigned(t *testing.T) {
	for pfn, want := range map[string]string{
		"https://s3.example.org/b/f?X-Amz-Credential=k&X-Amz-Signature=5e": "https://s3.example.org/b/f",
		"https://storage.example.org/f?GoogleAccessId=a&Signature=b":       "https://storage.example.org/f",
		"https://swift.example.org/f?temp_url_sig=da&temp_url_expires=1":   "https://swift.example.org/f",
		"srm://srm.example.org:8443/srm/managerv2?SFN=/f":                  "srm://srm.example.org:8443/srm/managerv2?SFN=/f",
		"davs://door.example.org:443/rses/f":                               "davs://door.example.org:443/rses/f",
	} {
		if got := eval(t, `return require("common.rules").unsigned(`+strconv.Quote(pfn)+`)`); got.String() != want {
			t.Errorf("%s: %s", pfn, got)
		}
	}
}

// A rule that cannot be asked for is told of as others are.
func TestRuleProblem(t *testing.T) {
	for entry, want := range map[string]string{
		`{ state = "OK" }`:    "nil",
		`{ state = "STUCK" }`: "STUCK",
		`{ state = "STUCK", rule = { error = "no source" } }`:                       "STUCK (no source)",
		`{ state = "REPLICATING", rule = { error = json.null }, timed_out = true }`: "still REPLICATING after 1.5 s",
		`{ timed_out = true }`: "still in no state that could be asked for after 1.5 s",
		`(function() local e = { id = "x", started = time.now() } require("common.rules").follow({ e }, 0.01, 0.01) return e end)()`: "still in no state that could be asked for after 1.5 s",
	} {
		if got := eval(t, `return tostring(require("common.rules").problem(`+entry+`, 1.5))`); got.String() != want {
			t.Errorf("%s: %s", entry, got)
		}
	}
}

func TestColumns(t *testing.T) {
	got := eval(t, `return table.concat(require("common.columns").format{ { "rse", "state" }, { "POSIX1", "-" }, { "", "OK" } }, "\n")`)
	if want := "rse     state\nPOSIX1  -\n        OK"; got.String() != want {
		t.Errorf("got\n%s", got)
	}
}

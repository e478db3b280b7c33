package bind

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// A call is one call of a module's function by a script. Its methods read arguments (counted from 1); one that is missing
// or of the wrong type is raised with the function's and the argument's name and what was expected.
type call struct {
	*lua.LState
	host *Host
	name string // "file.write"
}

// context returns the context of the running script.
func (c *call) context() context.Context { return contextOf(c.LState) }

func contextOf(L *lua.LState) context.Context {
	if ctx := L.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// raise ends the call with an error of the world outside; it does not return.
func (c *call) raise(err error) {
	vm.Raise(c.LState, fmt.Errorf("%s: %w", c.name, err))
}

// check is raise, unless err is nil.
func (c *call) check(err error) {
	if err != nil {
		c.raise(err)
	}
}

// wrong ends the call because of an argument or an option; it does not return.
func (c *call) wrong(name, expected string, got lua.LValue) {
	vm.Raise(c.LState, fmt.Errorf("%s: %s must be %s, not %s", c.name, name, expected, shown(got)))
}

// shown describes a wrong value: its type, and a scalar's text.
func shown(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		if len(v) > 40 {
			v = v[:40] + "..."
		}
		return "the string " + strconv.Quote(string(v))
	case lua.LNumber, lua.LBool:
		return v.String()
	}
	return describe(v)
}

// quote puts a name into quotes, as messages do.
func quote(name string) string { return strconv.Quote(name) }

// hint is an error with an advice, if there is one.
func hint(message, advice string) error {
	if advice == "" {
		return errors.New(message)
	}
	return fail.Hint(errors.New(message), "%s", advice)
}

// given tells whether argument n is there and not nil.
func (c *call) given(n int) bool { return c.Get(n) != lua.LNil }

// str returns a text. As everywhere in Lua, a number will do.
func (c *call) str(n int, name string) string {
	s, ok := text(c.Get(n))
	if !ok {
		c.wrong(name, "a string", c.Get(n))
	}
	return s
}

func (c *call) optStr(n int, name, otherwise string) string {
	if !c.given(n) {
		return otherwise
	}
	return c.str(n, name)
}

// text returns a string, or the text of a number.
func text(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString, lua.LNumber, Integer:
		return v.String(), true
	}
	return "", false
}

func (c *call) num(n int, name string) float64 {
	f, ok := float(c.Get(n))
	if !ok {
		c.wrong(name, "a number", c.Get(n))
	}
	return f
}

func (c *call) optNum(n int, name string, otherwise float64) float64 {
	if !c.given(n) {
		return otherwise
	}
	return c.num(n, name)
}

// float returns a finite number, also of a text that is one.
func float(v lua.LValue) (float64, bool) {
	var f float64
	switch v := v.(type) {
	case lua.LNumber:
		f = float64(v)
	case Integer:
		f = v.float()
	case lua.LString:
		var err error
		if f, err = strconv.ParseFloat(strings.TrimSpace(string(v)), 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// integer returns an integer that is not below least.
func (c *call) integer(n int, name string, least int64) int64 {
	return c.toInteger(c.Get(n), name, least)
}

func (c *call) optInteger(n int, name string, otherwise, least int64) int64 {
	if !c.given(n) {
		return otherwise
	}
	return c.integer(n, name, least)
}

func (c *call) toInteger(v lua.LValue, name string, least int64) int64 {
	f, ok := float(v)
	i, whole := integral(lua.LNumber(f))
	if !ok || !whole || i < least {
		expected := "an integer"
		if least > math.MinInt64 {
			expected = fmt.Sprintf("an integer from %d on", least)
		}
		c.wrong(name, expected, v)
	}
	return i
}

// table returns the table that is argument 1, filled.
func (c *call) table(name string) *lua.LTable {
	table, ok := c.Get(1).(*lua.LTable)
	if !ok {
		c.wrong(name, "a table", c.Get(1))
	}
	Fill(table)
	return table
}

// list returns the items of the list that is argument 1.
func (c *call) list() []lua.LValue {
	table := c.table("list")
	items := make([]lua.LValue, 0, table.Len())
	for key, v := table.Next(lua.LNil); key != lua.LNil; key, v = table.Next(key) {
		if key != lua.LNumber(len(items)+1) {
			c.raise(errors.New("list must be a list, not a table with other keys than 1, 2, 3"))
		}
		items = append(items, v)
	}
	return items
}

func (c *call) function(n int, name string) *lua.LFunction {
	fn, ok := c.Get(n).(*lua.LFunction)
	if !ok {
		c.wrong(name, "a function", c.Get(n))
	}
	return fn
}

// give pushes results.
func (c *call) give(results ...lua.LValue) int {
	for _, result := range results {
		c.Push(result)
	}
	return len(results)
}

// options reads the table of named options that is argument n; without one, every option is absent. done must follow.
func (c *call) options(n int) *options {
	o := &options{call: c}
	switch v := c.Get(n).(type) {
	case *lua.LNilType:
	case *lua.LTable:
		Fill(v)
		o.table = v
	default:
		c.wrong("the options", "a table", v)
	}
	return o
}

// options are the named options of a call. As with arguments, a wrong one is raised.
type options struct {
	call  *call
	table *lua.LTable
	known []string
}

// get returns an option, or nil of Lua.
func (o *options) get(name string) lua.LValue {
	o.known = append(o.known, name)
	if o.table == nil {
		return lua.LNil
	}
	v := o.table.RawGetString(name)
	if v == (Null{}) {
		return lua.LNil
	}
	return v
}

func (o *options) str(name, otherwise string) string {
	v := o.get(name)
	if v == lua.LNil {
		return otherwise
	}
	s, ok := text(v)
	if !ok {
		o.call.wrong(name, "a string", v)
	}
	return s
}

func (o *options) boolean(name string, otherwise bool) bool {
	switch v := o.get(name).(type) {
	case *lua.LNilType:
		return otherwise
	case lua.LBool:
		return bool(v)
	default:
		o.call.wrong(name, "true or false", v)
		return false
	}
}

func (o *options) integer(name string, otherwise, least int64) int64 {
	v := o.get(name)
	if v == lua.LNil {
		return otherwise
	}
	return o.call.toInteger(v, name, least)
}

// seconds returns an option that is a number of seconds from 0 on.
func (o *options) seconds(name string, otherwise time.Duration) time.Duration {
	v := o.get(name)
	if v == lua.LNil {
		return otherwise
	}
	f, ok := float(v)
	if !ok || f < 0 || f > maxSeconds {
		o.call.wrong(name, "a number of seconds", v)
	}
	return duration(f)
}

// maxSeconds is the longest time.Duration.
const maxSeconds = math.MaxInt64 / 1e9

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// texts returns an option that is a table of texts by name; an item of it that is a list gives its name several texts.
func (o *options) texts(name string) map[string][]string {
	v := o.get(name)
	if v == lua.LNil {
		return nil
	}
	table, ok := v.(*lua.LTable)
	if !ok {
		o.call.wrong(name, "a table of strings", v)
	}
	Fill(table)
	all := map[string][]string{}
	for key, v := table.Next(lua.LNil); key != lua.LNil; key, v = table.Next(key) {
		path := name + "." + key.String()
		list, ok := v.(*lua.LTable)
		if !ok {
			all[key.String()] = []string{o.scalar(path, v)}
			continue
		}
		Fill(list)
		for i := range list.Len() {
			all[key.String()] = append(all[key.String()], o.scalar(path, list.RawGetInt(i+1)))
		}
	}
	return all
}

// scalar returns the text of a string, number or boolean.
func (o *options) scalar(name string, v lua.LValue) string {
	if flag, ok := v.(lua.LBool); ok {
		return flag.String()
	}
	s, ok := text(v)
	if !ok {
		o.call.wrong(name, "a string", v)
	}
	return s
}

// done raises an option that was not asked for: it is misspelt.
func (o *options) done() {
	if o.table == nil {
		return
	}
	for key, _ := o.table.Next(lua.LNil); key != lua.LNil; key, _ = o.table.Next(key) {
		if !slices.Contains(o.known, key.String()) {
			vm.Raise(o.call.LState, unknown(fmt.Sprintf("%s: unknown option %s", o.call.name, quote(key.String())), key.String(), o.known))
		}
	}
}

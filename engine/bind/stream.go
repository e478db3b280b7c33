package bind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// streamKey is where a VM's registry keeps the metatable of streams.
const streamKey = "rucio-task-manager.stream"

// A stream gives the rows of a method's result to a script, one by one, and once. It ends with the last row, with an error,
// by close, with the script's context, or when the script has dropped it. The last two happen on other goroutines.
type stream struct {
	method string
	codec  *codec

	mu      sync.Mutex
	next    func() (json.RawMessage, error, bool)
	stop    func()
	release func() bool // takes stop from the context
	rows    int         // that were read
	ended   bool
}

// newStream makes the userdata that scripts have.
func newStream(L *lua.LState, method string, rows iter.Seq2[json.RawMessage, error]) lua.LValue {
	s := &stream{method: method, codec: codecOf(L)}
	s.next, s.stop = iter.Pull2(rows)
	s.release = context.AfterFunc(contextOf(L), s.close)
	ud := &lua.LUserData{Value: s, Env: L.Env, Metatable: streamMeta(L)}
	runtime.AddCleanup(ud, (*stream).close, s)
	return ud
}

// close ends the stream; what is left of the answer is not read.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

func (s *stream) end() {
	if !s.ended {
		s.ended = true
		s.stop()
		s.release()
	}
}

// errEnded is the error of reading a stream that has ended.
var errEnded = errors.New("this stream has been read or closed; call the method again, or keep its rows with :collect()")

// read reads a row and returns its value, or true if it is not wanted; nil after the last row.
func (s *stream) read(wanted bool) (lua.LValue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, errEnded
	}
	row, err, more := s.next()
	if !more || err != nil {
		s.end()
		return lua.LNil, err
	}
	s.rows++
	if !wanted {
		return lua.LTrue, nil
	}
	v, err := s.codec.decode(string(row)) // a copy: the row is valid only until the next one is read
	if err != nil {
		s.end()
		return nil, fmt.Errorf("row %d of the answer: %w", s.rows, err)
	}
	return v, nil
}

// row is read for a function that a script called.
func (s *stream) row(L *lua.LState, wanted bool) lua.LValue {
	v, err := s.read(wanted)
	if err != nil {
		raiseMethod(L, s.method, err)
	}
	return v
}

// String tells what the stream is.
func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("stream of %s, %d rows read", s.method, s.rows)
}

// streamMeta returns the metatable of streams.
func streamMeta(L *lua.LState) lua.LValue {
	if meta := L.G.Registry.RawGetString(streamKey); meta != lua.LNil {
		return meta
	}
	methods := L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{
		"collect": streamCollect, "first": streamFirst, "count": streamCount, "close": streamClose,
	})
	meta := L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{
		"__call":     streamCall,
		"__tostring": streamString,
		"__len": func(L *lua.LState) int {
			vm.Raise(L, hint("a stream has no length", "count its rows with :count(), or make a list of them with :collect()"))
			return 0
		},
		"__index": func(L *lua.LState) int {
			key := L.Get(2)
			if method := methods.RawGet(key); method != lua.LNil {
				L.Push(method)
				return 1
			}
			advice := suggest.Hint(key.String(), names(methods))
			if advice == "" {
				advice = "loop over it with for, or make a list of it with :collect()"
			}
			vm.Raise(L, hint("a stream has no field "+quote(key.String()), advice))
			return 0
		},
	})
	meta.RawSetString("__metatable", lua.LString("stream"))
	L.G.Registry.RawSetString(streamKey, meta)
	return meta
}

// streamOf returns the stream that is a value, or nil.
func streamOf(v lua.LValue) *stream {
	if ud, ok := v.(*lua.LUserData); ok {
		s, _ := ud.Value.(*stream)
		return s
	}
	return nil
}

// checkStream returns argument 1, which is what stands before the colon.
func checkStream(L *lua.LState) *stream {
	s := streamOf(L.Get(1))
	if s == nil {
		vm.Raise(L, errors.New("a stream's methods are called with a colon: rows:collect()"))
	}
	return s
}

func streamCall(L *lua.LState) int {
	L.Push(checkStream(L).row(L, true))
	return 1
}

func streamString(L *lua.LState) int {
	L.Push(lua.LString(checkStream(L).String()))
	return 1
}

func streamCollect(L *lua.LState) int {
	s, list := checkStream(L), L.NewTable()
	s.codec.markList(list)
	for v := s.row(L, true); v != lua.LNil; v = s.row(L, true) {
		list.Append(v)
	}
	L.Push(list)
	return 1
}

func streamFirst(L *lua.LState) int {
	s := checkStream(L)
	L.Push(s.row(L, true))
	s.close()
	return 1
}

func streamCount(L *lua.LState) int {
	s, n := checkStream(L), 0
	for s.row(L, false) != lua.LNil {
		n++
	}
	L.Push(lua.LNumber(n))
	return 1
}

func streamClose(L *lua.LState) int {
	checkStream(L).close()
	return 0
}

// numbered makes pairs and ipairs give the rows of a stream by number, for whoever takes a stream for a list.
func numbered(old lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		s := streamOf(L.Get(1))
		if s == nil {
			return old(L)
		}
		L.Push(L.NewFunction(func(L *lua.LState) int {
			v := s.row(L, true)
			if v == lua.LNil {
				return 0
			}
			L.Push(lua.LNumber(s.rows))
			L.Push(v)
			return 2
		}))
		return 1
	}
}

package bind

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// A handle is the object that file.open returns. It closes with the script's context.
type handle struct {
	path    string
	file    *os.File
	in      *bufio.Reader
	release func() bool

	mu     sync.Mutex // the context ends on another goroutine
	closed bool
}

func fileOpen(c *call) int {
	h := &handle{path: c.str(1, "path")}
	modes := map[string]int{"r": os.O_RDONLY, "w": os.O_WRONLY | os.O_CREATE | os.O_TRUNC, "a": os.O_WRONLY | os.O_CREATE | os.O_APPEND}
	mode, ok := modes[strings.TrimSuffix(c.optStr(2, "mode", "r"), "b")]
	if !ok {
		c.wrong("mode", `"r", "w" or "a"`, c.Get(2))
	}
	var err error
	h.file, err = os.OpenFile(h.path, mode, newFile)
	c.check(err)
	h.in = bufio.NewReader(h.file)
	h.release = context.AfterFunc(c.context(), func() { _ = h.close() })
	return c.give(object(c.LState, h, "file handle"))
}

func (h *handle) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	h.release()
	return h.file.Close()
}

// String implements fmt.Stringer, for tostring.
func (h *handle) String() string { return "file handle of " + h.path }

// call makes a call of one of the handle's methods.
func (h *handle) call(L *luar.LState, method string) *call {
	c := &call{LState: L.LState, name: "handle:" + method}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		c.raise(fmt.Errorf("%s is closed", h.path))
	}
	return c
}

// Read is handle:read.
func (h *handle) Read(L *luar.LState) int {
	c := h.call(L, "read")
	size := c.optInteger(1, "size", maxText+1, 1)
	text, err := io.ReadAll(io.LimitReader(stopping{c.context(), h.in}, min(size, maxText+1)))
	c.check(err)
	switch {
	case len(text) > maxText:
		c.raise(hint(fmt.Sprintf("more than %d MiB of %s are left", maxText>>20, h.path), "give a size, and read it piece by piece"))
	case len(text) == 0 && c.given(1):
		return c.give(lua.LNil)
	}
	return c.give(lua.LString(text))
}

// Lines is handle:lines.
func (h *handle) Lines(L *luar.LState) int {
	h.call(L, "lines")
	L.Push(L.NewFunction(func(L *lua.LState) int {
		c := h.call(&luar.LState{LState: L}, "lines")
		line, err := h.line()
		if errors.Is(err, io.EOF) && line == "" {
			return c.give(lua.LNil)
		}
		if !errors.Is(err, io.EOF) {
			c.check(err)
		}
		return c.give(lua.LString(strings.TrimRight(line, "\r\n")))
	}))
	return 1
}

// line reads a line of at most maxText bytes.
func (h *handle) line() (string, error) {
	var line strings.Builder
	for {
		part, err := h.in.ReadSlice('\n')
		line.Write(part)
		switch {
		case line.Len() > maxText:
			return "", fmt.Errorf("a line of %s is longer than %d MiB", h.path, maxText>>20)
		case !errors.Is(err, bufio.ErrBufferFull):
			return line.String(), err
		}
	}
}

// Write is handle:write.
func (h *handle) Write(L *luar.LState) int {
	c := h.call(L, "write")
	for i := range c.GetTop() {
		_, err := io.WriteString(h.file, c.str(i+1, "text"))
		c.check(err)
	}
	return 0
}

// Close is handle:close.
func (h *handle) Close(L *luar.LState) int {
	c := &call{LState: L.LState, name: "handle:close"}
	c.check(h.close())
	return 0
}

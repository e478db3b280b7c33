package vm

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// Cache keeps compiled scripts, which VMs can share. It holds one version of each script: the text that was compiled last,
// so that a changed file is compiled again. It is safe for concurrent use.
type Cache struct {
	mu     sync.Mutex
	protos map[string]cached // by chunk name
}

type cached struct {
	sum   [sha256.Size]byte
	proto *lua.FunctionProto
}

// NewCache returns an empty cache.
func NewCache() *Cache { return &Cache{protos: map[string]cached{}} }

func (c *Cache) proto(chunk, source string) (*lua.FunctionProto, error) {
	sum := sha256.Sum256([]byte(source))
	c.mu.Lock()
	known, ok := c.protos[chunk]
	c.mu.Unlock()
	if ok && known.sum == sum {
		return known.proto, nil
	}
	proto, err := compile(chunk, source)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.protos[chunk] = cached{sum, proto}
	return proto, nil
}

// gopher-lua's compiler recurses into what is nested, and an overflow of the Go stack cannot be caught. Brackets are cheap to
// nest, and are counted; to nest something else as deep takes a longer text than maxSource.
const (
	maxSource   = 1 << 20
	maxBrackets = 2000
)

// nesting returns how deep brackets are nested in a text; those in strings and comments count too.
func nesting(text string) (deepest int) {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '[':
			depth++
			deepest = max(deepest, depth)
		case ')', '}', ']':
			depth = max(depth-1, 0)
		}
	}
	return deepest
}

// compile turns a script's text into what a VM runs. The error is an *Error with the script's line, and has the exit code
// Definition.
func compile(chunk, source string) (*lua.FunctionProto, error) {
	if len(source) > maxSource {
		return nil, syntaxError(chunk, 0, fmt.Sprintf("a script has at most %d bytes, and this one %d", maxSource, len(source)), "")
	}
	if deepest := nesting(source); deepest > maxBrackets {
		return nil, syntaxError(chunk, 0, fmt.Sprintf("brackets are nested %d deep, and may be %d", deepest, maxBrackets), "")
	}
	text := strings.TrimPrefix(source, "\ufeff")
	if strings.HasPrefix(text, "#") {
		text = "--" + text // the #! line of an executable script
	}
	statements, err := parse.Parse(strings.NewReader(text), chunk)
	if err != nil {
		return nil, translate(chunk, text, err)
	}
	proto, err := lua.Compile(statements, chunk)
	if err != nil {
		return nil, translate(chunk, text, err)
	}
	return proto, nil
}

func syntaxError(chunk string, line int, message, hint string) error {
	cause := fail.With(fail.Definition, errors.New(message))
	if hint != "" {
		cause = fail.Hint(cause, "%s", hint)
	}
	return &Error{Message: message, File: chunk, Line: line, Cause: cause}
}

// ErrTooShort is the cause of the syntax error of a script that may only lack further lines.
var ErrTooShort = errors.New("syntax error: the script ends too early")

func tooShort(chunk string, line int) error {
	cause := fail.Hint(fail.With(fail.Definition, ErrTooShort), "is an 'end', a ')' or a '}' missing?")
	return &Error{Message: ErrTooShort.Error(), File: chunk, Line: line, Cause: cause}
}

// pythonisms are mistakes that people who write Python make, by the text at the place of the error.
var pythonisms = []struct{ text, hint string }{
	{"!=", "not equal is ~= in Lua"},
	{"+=", "Lua has no +=: write x = x + 1"},
	{"-=", "Lua has no -=: write x = x - 1"},
	{"continue", "Lua has no continue: use an if around the rest of the loop"},
	{"elif", "it is elseif in Lua"},
	{"else if", "it is elseif in Lua, in one word"},
	{"None", "it is nil in Lua"},
	{"f\"", "Lua has no f-strings: join with .. or use string.format"},
	{"def ", "a function begins with the word function in Lua"},
	{"import ", "it is local x = require \"x\" in Lua"},
}

// translate turns an error of gopher-lua's parser or compiler into one that reads as Lua's own.
func translate(chunk, text string, err error) error {
	var parsing *parse.Error
	if errors.As(err, &parsing) {
		if parsing.Pos.Line == parse.EOF {
			line := strings.Count(strings.TrimRight(text, "\n"), "\n") + 1
			return tooShort(chunk, line)
		}
		token, _, _ := strings.Cut(strings.TrimSpace(parsing.Token), "\n")
		message := "syntax error near '" + token + "'"
		if parsing.Message != "syntax error" && parsing.Message != "parse error" {
			message = "syntax error: " + lowerFirst(parsing.Message) + " near '" + token + "'"
		}
		line := parsing.Pos.Line
		if parsing.Message == "unterminated string" {
			line-- // noticed at the line's end, which the scanner counts to the next line
		}
		return syntaxError(chunk, line, message, pythonism(text, line))
	}
	var compiling *lua.CompileError
	if errors.As(err, &compiling) {
		return syntaxError(chunk, compiling.Line, "syntax error: "+compiling.Message, "")
	}
	return syntaxError(chunk, 0, strings.TrimSpace(err.Error()), "")
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// pythonism returns a hint where the line of an error, or the one before, holds something that is not Lua.
func pythonism(text string, line int) string {
	lines := strings.Split(text, "\n")
	for i := line; i >= max(line-1, 1); i-- {
		if i > len(lines) {
			continue
		}
		for _, mistake := range pythonisms {
			if strings.Contains(" "+lines[i-1], mistake.text) {
				return mistake.hint
			}
		}
	}
	return ""
}

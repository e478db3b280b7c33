package cli

import (
	"regexp"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

var (
	// chain is what a word at the cursor is part of: "rucio.add_rep", "session:ge".
	chain = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*(?:[.:][A-Za-z0-9_]*)*$`)
	// called is the method whose arguments follow.
	called = regexp.MustCompile(`[.:]([a-z_0-9]+)\s*\(?\s*$`)
	// argumentNames are those that a call has already.
	argumentNames = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_]*)\s*=[^=]`)
)

var luaKeywords = []string{
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or", "repeat",
	"return", "then", "true", "until", "while",
}

// complete implements liner.WordCompleter.
func (r *repl) complete(line string, pos int) (head string, completions []string, tail string) {
	runes := []rune(line)
	before, after := string(runes[:pos]), string(runes[pos:])
	if words := strings.Fields(before); strings.HasPrefix(before, ":") && (len(words) > 1 || strings.HasSuffix(before, " ")) {
		head = before[:strings.LastIndex(before, " ")+1]
		return head, starting(r.helpNames(), before[len(head):]), after
	}
	if strings.HasPrefix(before, ":") {
		return "", starting([]string{":help ", ":quit"}, before), after
	}
	word := chain.FindString(before)
	head = before[:len(before)-len(word)]
	if cut := strings.LastIndexAny(word, ".:"); cut >= 0 {
		fields := r.fields(strings.FieldsFunc(word[:cut], func(c rune) bool { return c == '.' || c == ':' }))
		return head + word[:cut+1], starting(fields, word[cut+1:]), after
	}
	if names := argumentsAt(head); names != nil {
		return head, starting(names, word), after
	}
	if word == "" {
		return before, nil, after
	}
	return head, starting(r.names(), word), after
}

func starting(words []string, prefix string) []string {
	slices.Sort(words)
	return slices.DeleteFunc(slices.Compact(words), func(word string) bool { return !strings.HasPrefix(word, prefix) })
}

func (r *repl) helpNames() []string {
	names := append(catalog.Names(), documentedModules()...)
	for _, m := range bind.Reference() {
		for _, f := range m.Functions {
			names = append(names, functionTitle(f))
		}
	}
	return names
}

// names are the words that can begin an expression.
func (r *repl) names() []string {
	names := append(slices.Clone(luaKeywords), r.modules...)
	names = append(names, keysOf(r.env)...)
	return append(names, keysOf(r.vm.State().G.Global)...)
}

// fields are the names in what a chain of names stands for. Nothing is called for that.
func (r *repl) fields(path []string) []string {
	value := lua.LNil
	for i, name := range path {
		if i > 0 {
			value = fieldOf(value, name)
			continue
		}
		if value = r.env.RawGetString(name); value == lua.LNil {
			value = r.vm.State().G.Global.RawGetString(name)
		}
		if value == lua.LNil && slices.Contains(r.modules, name) {
			value = r.vm.Module(name)
		}
	}
	switch value := value.(type) {
	case *lua.LTable:
		bind.Fill(value)
		return keysOf(value)
	case *lua.LUserData:
		if isStream(value) {
			return []string{"close", "collect", "count", "first"}
		}
		return keysOf(methodsOf(value))
	case lua.LString:
		return keysOf(fieldOf(r.vm.State().G.Global, "string"))
	}
	return nil
}

func fieldOf(value lua.LValue, name string) lua.LValue {
	switch value := value.(type) {
	case *lua.LTable:
		bind.Fill(value)
		return value.RawGetString(name)
	case *lua.LUserData:
		if methods, ok := methodsOf(value).(*lua.LTable); ok {
			return methods.RawGetString(name)
		}
	}
	return lua.LNil
}

// methodsOf is the table in which an object looks its methods up.
func methodsOf(object *lua.LUserData) lua.LValue {
	if meta, ok := object.Metatable.(*lua.LTable); ok {
		return meta.RawGetString("__index")
	}
	return lua.LNil
}

func keysOf(value lua.LValue) (keys []string) {
	table, ok := value.(*lua.LTable)
	if !ok {
		return nil
	}
	table.ForEach(func(key, _ lua.LValue) {
		if name, ok := key.(lua.LString); ok && chain.FindString(string(name)) == string(name) && name != "" {
			keys = append(keys, string(name))
		}
	})
	return keys
}

// argumentsAt are the arguments that may follow a text, when it ends where the name of one is due; else nil.
func argumentsAt(text string) []string {
	depth, open := 0, -1
	for i := len(text) - 1; i >= 0 && open < 0; i-- {
		switch text[i] {
		case '}', ')':
			depth++
		case '{', '(':
			if depth--; depth < 0 {
				open = i
			}
		}
	}
	if open < 0 || text[open] != '{' {
		return nil
	}
	if inside := strings.TrimSpace(text[open+1:]); inside != "" && !strings.HasSuffix(inside, ",") {
		return nil
	}
	m := called.FindStringSubmatch(text[:open])
	if m == nil {
		return nil
	}
	method, ok := catalog.Lookup(m[1])
	if !ok {
		return nil
	}
	var given []string
	for _, match := range argumentNames.FindAllStringSubmatch(text[open:], -1) {
		given = append(given, match[1])
	}
	names := []string{}
	for _, p := range method.Params {
		if !p.Variadic && !slices.Contains(given, p.Name) {
			names = append(names, p.Name+" = ")
		}
	}
	return names
}

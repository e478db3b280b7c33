package output

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Problem is something wrong with the databases of a definition.
type Problem struct {
	Path    string // "kwargs.output.databases[0].type"
	Message string
	Hint    string // what to do, or empty
	Warning bool   // the definition works all the same
}

func (p Problem) String() string {
	text := p.Path + ": " + p.Message
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	return text
}

// ParseTargets reads the databases of a task's kwargs: the lists output.databases and databases, as two generations of
// definitions call them. Neither, null, or an empty list: the task's documents go nowhere. A database named twice is one.
// Targets are complete only when every problem is a warning.
func ParseTargets(kwargs map[string]any) ([]Target, []Problem) {
	p := &parser{}
	switch out := kwargs["output"].(type) {
	case nil:
	case map[string]any:
		p.list("kwargs.output.databases", out["databases"])
	default:
		p.wrong("kwargs.output", "is "+typeName(out)+", not a map with the key databases", "")
	}
	p.list("kwargs.databases", kwargs["databases"])
	return p.targets, p.problems
}

type parser struct {
	targets  []Target
	problems []Problem
}

func (p *parser) wrong(path, message, hint string) {
	p.problems = append(p.problems, Problem{Path: path, Message: message, Hint: hint})
}

func (p *parser) list(path string, value any) {
	switch list := value.(type) {
	case nil:
	case []any:
		for i, item := range list {
			p.database(fmt.Sprintf("%s[%d]", path, i), item)
		}
	case map[string]any:
		p.wrong(path, "is a map, not a list of databases", "put a dash in front of its first key")
	default:
		p.wrong(path, "is "+typeName(value)+", not a list of databases", "")
	}
}

func (p *parser) database(path string, item any) {
	fields, ok := item.(map[string]any)
	if !ok {
		p.wrong(path, "is "+typeName(item)+", not a map with type, uri and index", "")
		return
	}
	before := len(p.problems)
	e := &entry{parser: p, path: path, fields: fields, seen: map[string]bool{}}
	name := e.text("type", true)
	kind, known := kinds[name]
	if !known {
		if name != "" {
			p.wrong(path+".type", fmt.Sprintf("there is no output of type %q", name), "types: "+strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
		}
		return
	}
	target := kind.parse(e)
	target.Type = name
	e.warnUnknown()
	failed := slices.ContainsFunc(p.problems[before:], func(q Problem) bool { return !q.Warning })
	if !failed && !slices.ContainsFunc(p.targets, func(t Target) bool { return t.Key() == target.Key() }) {
		p.targets = append(p.targets, target)
	}
}

// entry is one database of a definition while it is read.
type entry struct {
	*parser
	path   string
	fields map[string]any
	seen   map[string]bool // the fields that were asked for
}

// get returns a field; null is as good as absent.
func (e *entry) get(name string) (path string, value any) {
	e.seen[name] = true
	return e.path + "." + name, e.fields[name]
}

func (e *entry) text(name string, required bool) string {
	path, value := e.get(name)
	switch v := value.(type) {
	case nil:
		if required {
			e.wrong(path, "is missing", "")
		}
		return ""
	case string:
		if v = strings.TrimSpace(v); v == "" && required {
			e.wrong(path, "is empty", "")
		}
		return v
	default:
		e.wrong(path, "is "+typeName(v)+", not text", "put it in quotes")
		return ""
	}
}

func (e *entry) boolean(name string, otherwise bool) bool {
	path, value := e.get(name)
	switch v := value.(type) {
	case nil:
		return otherwise
	case bool:
		return v
	default:
		e.wrong(path, "is "+typeName(v)+", not true or false", "")
		return otherwise
	}
}

// uri reads the field uri: http or https, perhaps with a path. User and password in it are taken out, and returned.
func (e *entry) uri() (string, Auth) {
	path := e.path + ".uri"
	text := e.text("uri", true)
	if text == "" {
		return "", Auth{}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil: // its text would repeat the URI, and a password in it
		e.wrong(path, "is not a URI", "")
		return "", Auth{}
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		e.wrong(path, "is not an http or https URI", "as in https://monit.example.org/elastic")
		return "", Auth{}
	case u.RawQuery != "" || u.Fragment != "":
		e.wrong(path, "has a query or a fragment", "a URI ends with its path")
		return "", Auth{}
	}
	var auth Auth
	if u.User != nil {
		password, _ := u.User.Password()
		auth = Auth{User: u.User.Username(), Password: rucio.Secret(password)}
		u.User = nil
	}
	return strings.TrimRight(u.String(), "/"), auth
}

// auth reads the field auth: {user, password} or {api_key}.
func (e *entry) auth() Auth {
	path, value := e.get("auth")
	if value == nil {
		return Auth{}
	}
	fields, ok := value.(map[string]any)
	if !ok {
		e.wrong(path, "is "+typeName(value)+", not a map with user and password, or api_key", "")
		return Auth{}
	}
	a := &entry{parser: e.parser, path: path, fields: fields, seen: map[string]bool{}}
	defer a.warnUnknown()
	if _, key := a.get("api_key"); key != nil {
		return Auth{APIKey: rucio.Secret(a.secret("api_key"))}
	}
	return Auth{User: a.secret("user"), Password: rucio.Secret(a.secret("password"))}
}

// secret is text that must not be empty, as it becomes when the variable that it is templated from is not set.
func (e *entry) secret(name string) string {
	if _, value := e.get(name); value == "" {
		e.wrong(e.path+"."+name, "is empty", "is the variable set that the definition takes it from?")
		return ""
	}
	return e.text(name, true)
}

// warnUnknown warns of fields that nobody asked for.
func (e *entry) warnUnknown() {
	for _, name := range slices.Sorted(maps.Keys(e.fields)) {
		if !e.seen[name] {
			e.problems = append(e.problems, Problem{Path: e.path + "." + name, Message: "is not known, and ignored",
				Hint: suggest.Hint(name, slices.Sorted(maps.Keys(e.seen))), Warning: true})
		}
	}
}

// typeName says in a word what a YAML value is.
func typeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "true or false"
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case int, int64, uint64, float64:
		return "a number"
	}
	return fmt.Sprintf("a %T", v)
}

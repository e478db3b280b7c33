package task

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxValues bounds what a definition can grow to by aliases of aliases.
const maxValues = 200_000

// pair is an entry of a map.
type pair struct {
	name  string
	key   *yaml.Node
	value *yaml.Node
}

// builder turns the nodes of one definition into values and remembers where each stood. Values are nil, bool, int64,
// *big.Int, float64, string, Date, time.Time, []byte, []any and map[string]any.
type builder struct {
	report reporter
	twice  func(p, first pair, path string) // a map has the same key again
	places map[string]place
	open   map[*yaml.Node]bool // nodes that are being built: one within itself never ends
	count  int
}

// reporter takes what is wrong with the node n at the path field.
type reporter func(n *yaml.Node, field, message, hint string, warning bool)

func newBuilder(report reporter) *builder {
	twice := func(p, first pair, path string) {
		report(p.key, Key(path, p.name), fmt.Sprintf("given twice, first on line %d; the last one counts", first.key.Line), "", true)
	}
	return &builder{report: report, twice: twice, places: map[string]place{}, open: map[*yaml.Node]bool{}}
}

// value builds the value of n, which stands at path.
func (b *builder) value(n *yaml.Node, path string) any {
	if _, seen := b.places[path]; !seen {
		b.places[path] = placeOf(n)
	}
	if !b.room(n, path) {
		return nil
	}
	at := n
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode {
		return b.scalar(n, path)
	}
	if b.open[n] {
		b.report(at, path, "the anchor is used within itself", "", false)
		return nil
	}
	b.open[n] = true
	defer delete(b.open, n)
	if tag := n.ShortTag(); tag != "!!map" && tag != "!!seq" {
		b.report(n, path, fmt.Sprintf("the tag %s is not known", n.Tag), "write a plain list or map", false)
		return nil
	}
	if n.Kind == yaml.SequenceNode {
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = b.value(item, Item(path, i))
		}
		return list
	}
	m := map[string]any{}
	for _, p := range b.pairs(n, path) {
		at := Key(path, p.name)
		b.places[at] = placeOf(p.key)
		m[p.name] = b.value(p.value, at)
	}
	return m
}

// room counts one more value and tells whether there is still room for it.
func (b *builder) room(n *yaml.Node, path string) bool {
	b.count++
	if b.count == maxValues+1 {
		b.report(n, path, fmt.Sprintf("the task grows to more than %d values", maxValues), "do not nest aliases in aliases", false)
	}
	return b.count <= maxValues
}

// pairs returns the entries of a map with its merge keys resolved, in the order of the document. As in PyYAML, an entry of
// the map itself wins over a merged one, and of two with the same key the last wins, in the place of the first.
func (b *builder) pairs(n *yaml.Node, path string) []pair {
	var merged, own []pair
	place := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if isMerge(key) {
			merged = append(merged, b.merge(value, path)...)
			continue
		}
		name, ok := keyText(key)
		if !ok {
			b.report(key, path, "a key is not text", "a key is a word or a quoted text", false)
			continue
		}
		p := pair{name, key, value}
		if at, again := place[name]; again {
			b.twice(p, own[at], path)
			own[at] = p
			continue
		}
		place[name] = len(own)
		own = append(own, p)
	}
	return override(merged, own)
}

// merge returns the entries that the value of a merge key (<<) brings: those of a map, or of a list of maps, of which the
// first wins.
func (b *builder) merge(n *yaml.Node, path string) []pair {
	at := n
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if !b.room(at, path) {
		return nil
	}
	if b.open[n] {
		b.report(at, path, "the anchor is merged into itself", "", false)
		return nil
	}
	b.open[n] = true
	defer delete(b.open, n)
	switch n.Kind {
	case yaml.MappingNode:
		return b.pairs(n, path)
	case yaml.SequenceNode:
		var all []pair
		for i := len(n.Content) - 1; i >= 0; i-- {
			all = override(all, b.merge(n.Content[i], path))
		}
		return all
	}
	b.report(at, path, "a merge key (<<) needs a map or a list of maps", "", false)
	return nil
}

// override returns base with the entries of top laid over it.
func override(base, top []pair) []pair {
	if len(base) == 0 {
		return top
	}
	place := map[string]int{}
	var all []pair
	for _, p := range append(base, top...) {
		if at, ok := place[p.name]; ok {
			all[at] = p
			continue
		}
		place[p.name] = len(all)
		all = append(all, p)
	}
	return all
}

// keyText returns a key as it is written: keys are text here, though in Python 1, on and 2024-01-02 are other things.
func keyText(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n.Value, n.Kind == yaml.ScalarNode && (n.Value != "" || !isPlain(n))
}

func isPlain(n *yaml.Node) bool {
	return n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
}

func isMerge(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "<<" && n.ShortTag() == "!!merge"
}

// scalar builds the value of a scalar, with or without a tag.
func (b *builder) scalar(n *yaml.Node, path string) any {
	if n.Style&yaml.TaggedStyle == 0 {
		if isPlain(n) {
			return resolvePlain(n.Value)
		}
		return n.Value
	}
	tag := n.ShortTag()
	switch tag {
	case "!!str":
		return n.Value
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			b.report(n, path, "!!binary without valid base64 text", "", false)
		}
		return data
	}
	value := resolvePlain(n.Value)
	switch v := value.(type) {
	case nil:
		if tag == "!!null" {
			return nil
		}
	case bool:
		if tag == "!!bool" {
			return v
		}
	case int64:
		switch tag {
		case "!!int":
			return v
		case "!!float":
			return float64(v)
		}
	case *big.Int:
		if tag == "!!int" {
			return v
		}
	case float64:
		if tag == "!!float" {
			return v
		}
	case string:
		if f, err := strconv.ParseFloat(v, 64); err == nil && tag == "!!float" {
			return f
		}
	case Date, time.Time:
		if tag == "!!timestamp" {
			return v
		}
	}
	switch tag {
	case "!!null", "!!bool", "!!int", "!!float", "!!timestamp":
		b.report(n, path, fmt.Sprintf("the tag %s does not fit the value", tag), "", false)
	default:
		b.report(n, path, fmt.Sprintf("the tag %s is not known", n.Tag), "remove it, or quote the text", false)
	}
	return nil
}

// kindOf names the kind of a value for messages.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "empty"
	case bool:
		return "a boolean"
	case int64, *big.Int, float64:
		return "a number"
	case string:
		return "text"
	case Date, time.Time:
		return "a date"
	case []byte:
		return "binary data"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return fmt.Sprintf("a %T", v)
}

// truth is Python's truth test.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []byte:
		return len(v) > 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

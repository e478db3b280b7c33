package bind

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"gopkg.in/yaml.v3"
)

var yamlModule = module{
	name: "yaml",
	doc:  "YAML of plain values; other tags are ignored. Values cross as they do for module json; keys become strings, dates RFC 3339 text.",
	functions: []function{
		{
			name: "decode", signature: "(text) -> value",
			doc: "Reads a YAML document.",
			example: `local v = yaml.decode("rses: [XRD1, XRD2]")
print(v.rses[2])`,
			call: func(c *call) int {
				documents := c.documents(c.str(1, "text"))
				if len(documents) > 1 {
					c.raise(fmt.Errorf("the text has %d documents: yaml.decode_all reads them", len(documents)))
				}
				if len(documents) == 0 {
					return c.give(lua.LNil)
				}
				return c.give(documents[0])
			},
		},
		{
			name: "decode_all", signature: "(text) -> list",
			doc:     "Reads all documents of a YAML stream.",
			example: `print(#yaml.decode_all("a: 1\n---\na: 2\n"))`,
			call: func(c *call) int {
				list := c.NewTable()
				for i, v := range c.documents(c.str(1, "text")) {
					if v == lua.LNil {
						v = Null{}
					}
					list.RawSetInt(i+1, v)
				}
				codecOf(c.LState).markList(list)
				return c.give(list)
			},
		},
		{
			name: "encode", signature: "(value) -> text",
			doc:     "Writes a YAML document; keys are sorted.",
			example: `print(yaml.encode{ rses = { "XRD1" } })`,
			call: func(c *call) int {
				v, err := ToGo(c.Get(1))
				c.check(err)
				var out bytes.Buffer
				encoder := yaml.NewEncoder(&out)
				encoder.SetIndent(2)
				c.check(encoder.Encode(toYAML(v)))
				c.check(encoder.Close())
				return c.give(lua.LString(out.String()))
			},
		},
	},
}

// documents reads the documents of a YAML stream.
func (c *call) documents(text string) []lua.LValue {
	var all []lua.LValue
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return all
		}
		c.check(err)
		v, err := FromGo(c.LState, fromYAML(document))
		c.check(err)
		all = append(all, v)
	}
}

// fromYAML makes strings of the keys of maps; yaml.v3 leaves a map with a key of another type as map[any]any.
func fromYAML(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = fromYAML(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = fromYAML(v[key])
		}
	case map[any]any:
		named := make(map[string]any, len(v))
		for key, field := range v {
			named[fmt.Sprint(key)] = fromYAML(field)
		}
		return named
	}
	return v
}

// toYAML makes integers of json.Numbers, which yaml.v3 takes for strings.
func toYAML(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = toYAML(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = toYAML(v[key])
		}
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: v.String()}
	}
	return v
}

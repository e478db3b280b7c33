package bind

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

const (
	// inlineMembers is how many members an object keeps in its own allocation; most rows have fewer.
	inlineMembers = 8
	// manyMembers is how many members are still found by looking at one after the other.
	manyMembers = 32
	// sharedText is the length of documents whose memory their parts share. A part of a larger one that is kept would keep
	// all of it, so it is copied.
	sharedText = 4096
)

// A lazy is a list or object of a JSON document as a Lua table. gopher-lua's tables are expensive (each field costs entries
// in two maps and a slice) and most rows that Rucio sends are asked for two or three fields, so the table stays empty and
// its metatable answers from the document:
//
//   - an object looks a field up in place; a nested list or object is made once and kept in kids;
//   - a write, or a list's first index, fills the table and takes the metatable's functions away: from then on it
//     is an ordinary table;
//   - the functions of Lua's library that look into a table without its metatable (pairs, next, rawget, table.insert,
//     ...) fill it first: see library.go.
//
// So a script cannot tell it from an ordinary table. Go code that is given one must call Fill before it looks inside.
//
// The metatable is a copy of the codec's, sharing its maps, and leads from the table to the lazy: the lazy is the
// metatable's own metatable, which only Go code can see.
type lazy struct {
	table   lua.LTable
	meta    lua.LTable
	codec   *codec
	doc     string   // the table's JSON; it has been checked
	members []member // of an object
	kids    []kid
	list    bool
	filled  bool
}

// A kid is a nested table that was asked for.
type kid struct {
	member int
	table  lua.LValue
}

// String and Type make a lazy a Lua value, so that it can stand as a metatable's metatable.
func (z *lazy) String() string { return "lazy: " + z.table.String() }

// Type implements lua.LValue.
func (z *lazy) Type() lua.LValueType { return lua.LTUserData }

// lazyOf returns the lazy behind a value, filled or not, or nil.
func lazyOf(v lua.LValue) *lazy {
	if table, ok := v.(*lua.LTable); ok {
		if meta, ok := table.Metatable.(*lua.LTable); ok {
			z, _ := meta.Metatable.(*lazy)
			return z
		}
	}
	return nil
}

// Fill completes a table that came from JSON, if it is one. Go functions that look into a table without metamethods (RawGet,
// ForEach, Next, Len) call it first. It tells whether the table's metatable is ours and nothing that a script has set.
func Fill(table *lua.LTable) (own bool) {
	z := lazyOf(table)
	if z == nil {
		return false
	}
	z.fill()
	return true
}

// object returns the object at the start of doc as a table, and where it ends (negative when it is not JSON: see failed).
func (c *codec) object(doc string) (lua.LValue, int) {
	o := new(struct {
		lazy
		inline [inlineMembers]member
	})
	o.members = o.inline[:0]
	end := skipObject(doc, 0, 1, &o.members)
	if end < 0 {
		return nil, end
	}
	o.start(c, doc[:end], &c.objectMeta)
	if len(o.members) > manyMembers || strings.IndexByte(o.doc, '\\') >= 0 && o.hasEscapedKey() {
		o.fill()
	}
	return &o.table, end
}

// listOf returns the list that doc is, checked before, as a table.
func (c *codec) listOf(doc string) lua.LValue {
	z := &lazy{list: true}
	z.start(c, doc, &c.listMeta)
	return &z.table
}

// markList makes t a list even when it is empty.
func (c *codec) markList(t *lua.LTable) {
	z := &lazy{codec: c, list: true, filled: true, meta: c.filledListMeta}
	t.Metatable, z.meta.Metatable = &z.meta, z
}

func (z *lazy) start(c *codec, doc string, meta *lua.LTable) {
	z.codec, z.doc, z.meta = c, doc, *meta
	z.table.Metatable, z.meta.Metatable = &z.meta, z
}

func (z *lazy) hasEscapedKey() bool {
	for _, m := range z.members {
		if strings.IndexByte(m.key.of(z.doc), '\\') >= 0 {
			return true
		}
	}
	return false
}

// key returns the name of member i.
func (z *lazy) key(i int) string {
	name := unquote(z.members[i].key.of(z.doc))
	if len(z.doc) > sharedText {
		return strings.Clone(name)
	}
	return name
}

// find returns the number of the member called key (the last one, should there be several), or -1.
func (z *lazy) find(key string) int {
	for i := len(z.members) - 1; i >= 0; i-- {
		if k := z.members[i].key; int(k.end-k.start) == len(key) && z.doc[k.start:k.end] == key {
			return i
		}
	}
	return -1
}

// get returns the value of member i; null is nil.
func (z *lazy) get(i int) lua.LValue {
	s := z.members[i].value
	switch z.doc[s.start] {
	case '{', '[':
		for _, k := range z.kids {
			if k.member == i {
				return k.table
			}
		}
		table := z.codec.part(z.doc, s)
		z.kids = append(z.kids, kid{i, table})
		return table
	case 'n':
		return lua.LNil
	}
	return z.codec.part(z.doc, s)
}

// part returns the value of a part of a document that was checked.
func (c *codec) part(doc string, s span) lua.LValue {
	text := s.of(doc)
	if len(doc) > sharedText && len(text) <= sharedText {
		text = strings.Clone(text)
	}
	return c.value(text)
}

// fill turns the table into an ordinary one.
func (z *lazy) fill() {
	if z.filled {
		return
	}
	z.filled = true
	if z.list {
		z.fillList()
		z.meta = z.codec.filledListMeta
	} else {
		z.fillObject()
		z.meta = z.codec.filledObjectMeta
	}
	z.meta.Metatable = z
}

func (z *lazy) fillObject() {
	meta := z.table.Metatable
	z.table = *z.codec.newTable(0, len(z.members))
	z.table.Metatable = meta
	nulls := false
	for i := range z.members {
		v := z.get(i)
		nulls = nulls || v == lua.LNil
		z.table.RawSetString(z.key(i), v)
	}
	z.kids = nil
	if !nulls {
		z.doc, z.members = "", nil
	}
}

func (z *lazy) fillList() {
	var items []span
	skipList(z.doc, 0, 1, &items)
	meta := z.table.Metatable
	z.table = *z.codec.newTable(len(items), 0)
	z.table.Metatable = meta
	for i, item := range items {
		z.table.RawSetInt(i+1, z.codec.part(z.doc, item))
	}
	z.doc = ""
}

// nulls returns the fields of a filled table that were null in its document and are not set since.
func (z *lazy) nulls() (keys []string) {
	if z == nil {
		return nil
	}
	for i, m := range z.members {
		key := z.key(i)
		if m.value.of(z.doc) == "null" && z.table.RawGetString(key) == lua.LNil && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// next is Lua's next for any table; an object that is not filled stays so.
func next(t *lua.LTable, key lua.LValue) (lua.LValue, lua.LValue) {
	z := lazyOf(t)
	if z == nil || z.filled {
		return t.Next(key)
	}
	i := -1
	if name, ok := key.(lua.LString); ok {
		i = z.find(string(name))
	}
	if z.list || i < 0 && key != lua.LNil {
		z.fill()
		return t.Next(key)
	}
	for i++; i < len(z.members); i++ {
		name := z.key(i)
		if v := z.get(i); v != lua.LNil && z.find(name) == i {
			return lua.LString(name), v
		}
	}
	return lua.LNil, lua.LNil
}

// objectIndex is __index of an object that is not filled.
func objectIndex(L *lua.LState) int {
	z, key := lazyOf(L.Get(1)), L.Get(2)
	if name, ok := key.(lua.LString); ok {
		if i := z.find(string(name)); i >= 0 {
			L.Push(z.get(i))
			return 1
		}
	}
	return 0
}

// listIndex is __index of a list that is not filled.
func listIndex(L *lua.LState) int {
	table := L.CheckTable(1)
	Fill(table)
	L.Push(table.RawGet(L.Get(2)))
	return 1
}

// listLen is __len of a list that is not filled.
func listLen(L *lua.LState) int {
	table := L.CheckTable(1)
	Fill(table)
	L.Push(lua.LNumber(table.Len()))
	return 1
}

// listCall is __call of a list. In Python one loops over a list as over a generator; who does so here is told how.
func listCall(L *lua.LState) int {
	vm.Raise(L, hint("this is a list, which cannot be called", "loop over it with ipairs: for _, item in ipairs(list) do"))
	return 0
}

// newIndex is __newindex of a table that is not filled.
func newIndex(L *lua.LState) int {
	table := L.CheckTable(1)
	Fill(table)
	L.RawSet(table, L.Get(2), L.Get(3))
	return 0
}

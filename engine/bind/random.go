package bind

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	lua "github.com/yuin/gopher-lua"
)

// randomKey is where a VM's registry keeps its source of randomness.
const randomKey = "rucio-task-manager.random"

const alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"

// maxRandom bounds random.bytes and random.string, in bytes.
const maxRandom = 64 << 20

var randomModule = module{
	name: "random",
	doc:  "Random values, different in each run unless random.seed says otherwise. They are no good for passwords. file.random makes files.",
	functions: []function{
		{
			name: "int", signature: "(max) or (min, max) -> integer",
			doc:     "An integer from min (1) to max, both possible.",
			example: `print(random.int(6), random.int(0, 99))`,
			call:    randomInt,
		},
		{
			name: "number", signature: "() -> number",
			doc:     "A number from 0 up to, but not, 1.",
			example: `print(random.number() < 1)`,
			call: func(c *call) int {
				return c.give(lua.LNumber(c.random().Float64()))
			},
		},
		{
			name: "choice", signature: "(list) -> value",
			doc:     "One of a list's items.",
			example: `print(random.choice{ "XRD1", "XRD2" })`,
			call: func(c *call) int {
				items := c.list()
				if len(items) == 0 {
					c.wrong("list", "a list that is not empty", c.Get(1))
				}
				return c.give(items[c.random().IntN(len(items))])
			},
		},
		{
			name: "shuffle", signature: "(list) -> list",
			doc:     "A new list of the same items in any order.",
			example: `print(random.shuffle{ 1, 2, 3 })`,
			call: func(c *call) int {
				items := c.list()
				c.random().Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
				list := c.CreateTable(len(items), 0)
				for _, item := range items {
					list.Append(item)
				}
				return c.give(list)
			},
		},
		{
			name: "string", signature: "(length [, alphabet]) -> text",
			doc:     "A text of lower case letters and digits, or of the alphabet's characters.",
			example: `print(random.string(8), random.string(4, "ab"))`,
			call:    randomString,
		},
		{
			name: "bytes", signature: "(length) -> text",
			doc:     "Random bytes.",
			example: `print(#random.bytes(100))`,
			call: func(c *call) int {
				length, b := c.length(1), []byte(nil)
				for len(b) < length {
					b = binary.LittleEndian.AppendUint64(b, c.random().Uint64())
				}
				return c.give(lua.LString(b[:length]))
			},
		},
		{
			name: "seed", signature: "(integer)",
			doc:     "From here on this module's values follow from the integer, the same in every run.",
			example: `random.seed(1)`,
			call: func(c *call) int {
				seed := c.integer(1, "integer", math.MinInt64)
				c.setRandom(rand.New(rand.NewPCG(uint64(seed), 0))) //nolint:gosec // asked for
				return 0
			},
		},
	},
}

// random returns the VM's source of randomness.
func (c *call) random() *rand.Rand {
	if known, ok := c.G.Registry.RawGetString(randomKey).(*lua.LUserData); ok {
		return known.Value.(*rand.Rand)
	}
	return c.setRandom(rand.New(newChaCha8())) //nolint:gosec // not for secrets, as the documentation says
}

func (c *call) setRandom(source *rand.Rand) *rand.Rand {
	c.G.Registry.RawSetString(randomKey, &lua.LUserData{Value: source, Metatable: lua.LNil})
	return source
}

// length reads argument n as the length of a text.
func (c *call) length(n int) int {
	length := c.integer(n, "length", 0)
	if length > maxRandom {
		c.wrong("length", "at most 67108864", c.Get(n))
	}
	return int(length)
}

func randomInt(c *call) int {
	low, last := int64(1), 1
	if c.given(2) {
		low, last = c.integer(1, "min", math.MinInt64), 2
	}
	high := c.integer(last, "max", math.MinInt64)
	if span := high - low; high < low || span < 0 || span == math.MaxInt64 {
		c.wrong("max", "an integer not below min", lua.LNumber(high))
	}
	return c.give(lua.LNumber(low + c.random().Int64N(high-low+1)))
}

func randomString(c *call) int {
	length, alphabet := c.length(1), []rune(c.optStr(2, "alphabet", alphanumeric))
	if len(alphabet) == 0 {
		c.wrong("alphabet", "a string that is not empty", c.Get(2))
	}
	text := make([]rune, length)
	for i := range text {
		text[i] = alphabet[c.random().IntN(len(alphabet))]
	}
	return c.give(lua.LString(text))
}

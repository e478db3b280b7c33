package bind

import (
	"github.com/google/uuid"
	lua "github.com/yuin/gopher-lua"
)

var uuidModule = module{
	name: "uuid",
	doc:  "UUIDs.",
	functions: []function{
		{
			name: "uuid", signature: "() -> text",
			doc:     "A random (version 4) UUID.",
			example: `print(uuid())`,
			call: func(c *call) int {
				return c.give(lua.LString(uuid.NewString()))
			},
		},
	},
}

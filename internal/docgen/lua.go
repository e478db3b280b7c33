package main

import (
	"bytes"
	_ "embed" // lua.md
	"fmt"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
)

// luaHead is the part of the page that is written by hand: the shape of a script and the task object.
//
//go:embed lua.md
var luaHead string

// luaPage is the reference of what scripts have.
func luaPage() []byte {
	var page bytes.Buffer
	page.WriteString(luaHead)
	page.WriteString("\n## Modules\n\nEach is a global, and can be required.")
	for _, m := range bind.Reference() {
		fmt.Fprintf(&page, " [%s](#%[1]s)", m.Name)
	}
	page.WriteString("\n")
	for _, m := range bind.Reference() {
		fmt.Fprintf(&page, "\n### %s\n\n%s\n", m.Name, prose(m.Doc))
		if m.Name == "rucio" {
			page.WriteString("\nThe methods themselves: [methods.md](methods.md).\n")
		}
		for _, f := range m.Functions {
			fmt.Fprintf(&page, "\n#### `%s`\n\n%s\n", strings.TrimSpace(f.Signature), prose(f.Doc))
			if f.Example != "" {
				fmt.Fprintf(&page, "\n```lua\n%s\n```\n", f.Example)
			}
		}
	}
	return page.Bytes()
}

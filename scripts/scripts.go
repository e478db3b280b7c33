// Package scripts holds the Lua that comes with the program. A mounted folder takes the place of any of it.
package scripts

import "embed"

// FS has the task modules (module_name tasks.stubs is tasks/stubs.lua) and what they share, in common.
//
//go:embed tasks common
var FS embed.FS

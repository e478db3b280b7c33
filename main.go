// Command rucio-task-manager runs tasks, written in Lua, against a Rucio data management system.
package main

import "github.com/rucio-task-manager/rucio-task-manager/engine/cli"

// version is set by the build: -ldflags "-X main.version=v1.2.3". Empty, the build information of the module serves.
var version string

func main() { cli.Main(cli.NewState(version)) }

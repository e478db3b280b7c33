package vm

import "strings"

// renamedModules holds modules that were given another name: definitions that use the old one still find them.
var renamedModules = map[string]string{
	"tasks.tests.upload_replication_random": "tasks.tests.upload_replication",
}

// deprecatedFolders are the places that tasks of tasks.tests were in, in earlier versions: a module of one is looked for in
// the others too.
var deprecatedFolders = []string{"tasks.tests.", "tasks.tests.deprecated.", "tasks.aux."}

// Renamed returns the names that may stand for a module that is not found under its own, the likeliest first.
func Renamed(module string) []string {
	var names []string
	if name, ok := renamedModules[module]; ok {
		names = append(names, name)
	}
	for _, folder := range deprecatedFolders {
		rest, ok := strings.CutPrefix(module, folder)
		if !ok || strings.Contains(rest, ".") {
			continue
		}
		for _, other := range deprecatedFolders {
			if other == folder {
				continue
			}
			names = append(names, other+rest)
			if name, ok := renamedModules[other+rest]; ok {
				names = append(names, name)
			}
		}
	}
	return names
}

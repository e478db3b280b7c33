package cli

import (
	"fmt"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

const replHelp = `:help METHOD      a method of Rucio, with its parameters and examples
:help MODULE      a module: %s
:help FUNCTION    a function of a module, such as time.parse
:quit             ends the session, as Ctrl-D does

An expression prints its value; rows of a stream come one a line. Tab completes, Ctrl-R searches the history, and a line that
begins with a blank is not kept in it. Ctrl-C ends a call, or gives up the line. Shared scripts: require "common.name".
`

// command runs a line that begins with a colon, and tells whether the session goes on.
func (r *repl) command(words []string) (goOn bool) {
	switch name := words[0]; {
	case name == ":quit" || name == ":q" || name == ":exit":
		return false
	case name != ":help" && name != ":h":
		r.fail(near(usagef("no command %s", name), name, []string{":help", ":quit"}, "the commands are :help and :quit"))
	case len(words) == 1:
		fmt.Fprintf(r.p.Stdout, replHelp, strings.Join(documentedModules(), ", "))
	default:
		r.help(words[1])
	}
	return true
}

func documentedModules() (names []string) {
	for _, m := range bind.Reference() {
		names = append(names, m.Name)
	}
	return names
}

// help tells of a method, a module or a function.
func (r *repl) help(name string) {
	if m, ok := catalog.Lookup(strings.TrimPrefix(name, "rucio.")); ok {
		describeMethod(r.p.Stdout, m)
		return
	}
	var known []string
	for _, m := range bind.Reference() {
		if m.Name == name {
			fmt.Fprintf(r.p.Stdout, "%s: %s\n", m.Name, m.Doc)
			table(r.p.Stdout, func(row func(...string)) {
				for _, f := range m.Functions {
					row(f.Signature, firstSentence(f.Doc))
				}
			})
			return
		}
		for _, f := range m.Functions {
			title := functionTitle(f)
			if known = append(known, title); title == name {
				fmt.Fprintf(r.p.Stdout, "%s\n%s\n", f.Signature, f.Doc)
				if f.Example != "" {
					fmt.Fprintf(r.p.Stdout, "\n  %s\n", strings.ReplaceAll(f.Example, "\n", "\n  "))
				}
				return
			}
		}
	}
	known = append(append(known, documentedModules()...), catalog.Names()...)
	advice := suggest.Hint(name, known)
	r.fail(near(usagef("no help on %q", name), name, known, advice))
}

// functionTitle is a function as scripts write it: "file.write", "session:get".
func functionTitle(f bind.FunctionDoc) string {
	title, _, _ := strings.Cut(f.Signature, "(")
	return strings.TrimSpace(title)
}

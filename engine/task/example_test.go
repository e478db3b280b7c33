package task_test

import (
	"context"
	"fmt"

	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
)

func ExampleLoad() {
	env := map[string]string{
		"RSE": "POSIX1",
		"TASK_FILE_YAML": `
upload:
  description: "Upload to {{ RSE }}"
  module_name: "tasks.tests.upload"
  class_name: "TestUpload"
  enabled: yes
  args:
  kwargs:
    rses: ["{{ RSE }}", "{{ OTHER_RSE }}"]
    lifetime: 1e+06
broken:
  description: "Lacks a field, and has one too many"
  modul_name: "tasks.stubs"
  class_name: "StubHelloWorld"
  enabled: no
  args:
  kwargs:
`}
	set, err := task.Load(context.Background(), nil, task.Options{Env: func(name string) (string, bool) { value, ok := env[name]; return value, ok }})
	for _, d := range set.Definitions {
		fmt.Println(d.Name, d.Enabled, d.Kwargs)
	}
	for _, p := range set.Problems.Warnings() {
		fmt.Println(p)
	}
	fmt.Println(err)
	// Output:
	// upload true map[lifetime:1000000 rses:[POSIX1 ] task_name:upload]
	// TASK_FILE_YAML:9:29: warning: task "upload": kwargs.rses[1]: the variable OTHER_RSE is not set, and stands for nothing here (set it, or write OTHER_RSE | default(''))
	// TASK_FILE_YAML:13:3: task "broken": module_name: missing (did you mean "module_name" by "modul_name"?)
}

// Package task loads task definitions: the YAML that says which script runs, whether it is enabled, and with which
// arguments.
//
// A definition file is a map of task names to six fields, all of which must be there:
//
//	test-hello-world-stub:
//	  description: "Test hello world stub"
//	  module_name: "tasks.stubs"
//	  class_name: "StubHelloWorld"
//	  enabled: true
//	  args:
//	  kwargs:
//	    text: "Hello World!"
//
// and two that may be: timeout (a duration such as 90s, or seconds) and retries. Tasks keep the order of the document. A
// key that begins with a dot is no task; it is a place for anchors that tasks share. Several documents in one file are
// read in order, as if they were one.
//
// # YAML
//
// Scalars are resolved as PyYAML does (YAML 1.1): yes, no, on and off are booleans, 010 is 8, 1:30 is 90, 2024-01-02 is a
// date, 1.29 a number and 1.29.0 text. Three things are kinder: 1e+12, which Helm makes of large integers, is a number; a
// lone = is text; and a date that no calendar has is text. Keys are always text, as they are written. Anchors and merge
// keys work; what an alias repeats is a copy.
//
// # Templates
//
// {{ VARIABLE }}, filters and {% tags %} are Jinja's; variables come from the environment. A file that is valid YAML as
// it stands is parsed first, and templates are rendered within its strings. Only when it is not (tags between the lines,
// or {{ X }} without quotes) is the text rendered as a whole, and then every {{ }} leaves a placeholder, which is replaced
// after the YAML has been parsed. Either way a value can be no more than (a part of) one string, number or key: it cannot
// break the YAML or add to it, whatever quotes, colons or line ends are in it. The rules:
//
//   - In quotes and block scalars the value is text.
//   - Without quotes the scalar is resolved like one that was written there: n: {{ N }} is a number when N is 3, and null
//     when N is empty. White space at its ends is dropped. What looks like a list or map stays text, with a warning.
//   - {{ X | tojson }}, {{ X | from_json }} and {{ X.split(',') }} alone and without quotes give the value itself: a list
//     is a list.
//   - A variable that is not set is empty, with a warning that names it; in strict mode it is an error. Testing it with
//     "is defined" or giving it a default is neither.
//   - Text of a {% macro %} is part of the document; {% set %} and {% filter %} blocks make plain values.
//   - No template can read a file: include, import, from and extends are errors.
//   - Where Jinja's library for Go differs from Python's: None prints as nothing, tuples print as lists, // and % of negative
//     numbers round toward 0, and "text" % values is not possible (use | format). To keep {{ as it is: {% raw %}.
package task

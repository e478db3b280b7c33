package output

import (
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

func kwargs(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := yaml.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseTargets(t *testing.T) {
	es := Target{Type: "es", URI: "https://monit.example.org/elastic", Index: "tests.upload"}
	with := func(change func(*Target)) Target { c := es; change(&c); return c }
	for name, c := range map[string]struct {
		yaml string
		want []Target
	}{
		"nothing":         {"text: hi", nil},
		"null output":     {"output:", nil},
		"null databases":  {"output: {databases: }", nil},
		"empty list":      {"databases: []", nil},
		"today's key":     {"output: {databases: [{type: es, uri: https://monit.example.org/elastic, index: tests.upload}]}", []Target{es}},
		"the older key":   {"databases: [{type: es, uri: https://monit.example.org/elastic/, index: tests.upload}]", []Target{es}},
		"both, once":      {"{databases: [&a {type: es, uri: https://monit.example.org/elastic, index: tests.upload}], output: {databases: [*a]}}", []Target{es}},
		"two":             {`databases: [{type: es, uri: "http://a:9200", index: i}, {type: es, uri: http://b, index: "<i-{now/d}>"}]`, []Target{{Type: "es", URI: "http://a:9200", Index: "i"}, {Type: "es", URI: "http://b", Index: "<i-{now/d}>"}}},
		"password":        {"databases: [{type: es, uri: https://monit.example.org/elastic, index: tests.upload, auth: {user: u, password: hunter22}}]", []Target{with(func(t *Target) { t.OwnAuth, t.Auth = true, Auth{User: "u", Password: "hunter22"} })}},
		"password in uri": {"databases: [{type: es, uri: https://u:hunter%2022@monit.example.org/elastic, index: tests.upload}]", []Target{with(func(t *Target) { t.OwnAuth, t.Auth = true, Auth{User: "u", Password: "hunter 22"} })}},
		"api key":         {"databases: [{type: es, uri: https://monit.example.org/elastic, index: tests.upload, auth: {api_key: hunter22}}]", []Target{with(func(t *Target) { t.OwnAuth, t.Auth = true, Auth{APIKey: "hunter22"} })}},
		"null auth":       {"databases: [{type: es, uri: https://monit.example.org/elastic, index: tests.upload, auth: }]", []Target{es}},
		"options":         {"databases: [{type: es, uri: https://monit.example.org/elastic, index: tests.upload, verify: false, ca: /ca.pem, op_type: create}]", []Target{with(func(t *Target) { t.Insecure, t.CA, t.Create = true, "/ca.pem", true })}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := ParseTargets(kwargs(t, c.yaml))
			if len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			if fmt.Sprintf("%+v", reveal(got)) != fmt.Sprintf("%+v", reveal(c.want)) {
				t.Errorf("got  %+v\nwant %+v", reveal(got), reveal(c.want))
			}
		})
	}
}

// reveal makes secrets comparable in messages.
func reveal(targets []Target) []string {
	var all []string
	for _, t := range targets {
		all = append(all, fmt.Sprintf("%s %s %s ca=%s insecure=%t create=%t own=%t %s:%s key=%s", t.Type, t.URI, t.Index, t.CA,
			t.Insecure, t.Create, t.OwnAuth, t.Auth.User, t.Auth.Password.Reveal(), t.Auth.APIKey.Reveal()))
	}
	return all
}

func TestParseTargetsProblems(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"output: yes please", "kwargs.output: is text, not a map with the key databases"},
		{"databases: es", "kwargs.databases: is text, not a list of databases"},
		{"output: {databases: {type: es}}", "kwargs.output.databases: is a map, not a list of databases (put a dash in front of its first key)"},
		{"databases: [es]", "kwargs.databases[0]: is text, not a map with type, uri and index"},
		{"databases: [{uri: http://a, index: i}]", "kwargs.databases[0].type: is missing"},
		{"output: {databases: [{type: mongo, uri: http://a, index: i}]}", `kwargs.output.databases[0].type: there is no output of type "mongo" (types: es)`},
		{"databases: [{type: es, index: i}]", "kwargs.databases[0].uri: is missing"},
		{"databases: [{type: es, uri: http://a, index: 7}]", "kwargs.databases[0].index: is a number, not text (put it in quotes)"},
		{"databases: [{type: es, uri: http://a, index: ' '}]", "kwargs.databases[0].index: is empty"},
		{"databases: [{type: es, uri: 'localhost:9200', index: i}]", "kwargs.databases[0].uri: is not an http or https URI (as in https://monit.example.org/elastic)"},
		{"databases: [{type: es, uri: 'http://u:hunter22@a b', index: i}]", "kwargs.databases[0].uri: is not a URI"},
		{"databases: [{type: es, uri: 'http://a/?pretty', index: i}]", "kwargs.databases[0].uri: has a query or a fragment (a URI ends with its path)"},
		{"databases: [{type: es, uri: http://a, index: Upload}]", `kwargs.databases[0].index: "Upload" cannot be the name of an index (it must be in lower case, without space and "*\<|,>/?#:, and not begin with - _ +)`},
		{"databases: [{type: es, uri: http://a, index: i, auth: u}]", "kwargs.databases[0].auth: is text, not a map with user and password, or api_key"},
		{"databases: [{type: es, uri: http://a, index: i, auth: {user: u}}]", "kwargs.databases[0].auth.password: is missing"},
		{"databases: [{type: es, uri: http://a, index: i, auth: {user: u, password: ''}}]", "kwargs.databases[0].auth.password: is empty (is the variable set that the definition takes it from?)"},
		{"databases: [{type: es, uri: http://a, index: i, verify: never}]", "kwargs.databases[0].verify: is text, not true or false"},
		{"databases: [{type: es, uri: http://a, index: i, op_type: update}]", `kwargs.databases[0].op_type: is "update", not index or create`},
		{"databases: [{type: es, uri: http://a, indx: i}]", `kwargs.databases[0].index: is missing; kwargs.databases[0].indx: is not known, and ignored (did you mean "index"?)`},
		{"databases: [{type: es, uri: http://a, index: i, auth: {user: u, pasword: hunter22}}]",
			`kwargs.databases[0].auth.password: is missing; kwargs.databases[0].auth.pasword: is not known, and ignored (did you mean "password"?)`},
	} {
		targets, problems := ParseTargets(kwargs(t, c.yaml))
		var got []string
		for _, p := range problems {
			got = append(got, p.String())
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.yaml, strings.Join(got, "; "), c.want)
		}
		if len(targets) > 0 {
			t.Errorf("%s: got targets %v", c.yaml, targets)
		}
		if strings.Contains(fmt.Sprintf("%+v %#v", problems, targets), "hunter22") {
			t.Errorf("%s: the password is in the problems", c.yaml)
		}
	}
}

func TestUnknownFieldIsAWarning(t *testing.T) {
	targets, problems := ParseTargets(kwargs(t, "databases: [{type: es, uri: http://a, index: i, shards: 2}]"))
	if len(targets) != 1 || len(problems) != 1 || !problems[0].Warning {
		t.Errorf("got %v, %+v", targets, problems)
	}
}

func TestTargetKeepsItsSecrets(t *testing.T) {
	target := Target{Type: "es", URI: "http://a", Index: "i", OwnAuth: true, Auth: Auth{User: "u", Password: rucio.Secret("hunter22"), APIKey: "hunter33"}}
	if text := fmt.Sprintf("%v %+v %#v %s", target, target, target, target); strings.Contains(text, "hunter") {
		t.Error(text)
	}
}

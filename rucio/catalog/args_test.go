package catalog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// record starts a server that answers everything with an empty success; the function it returns gives the last request.
func record(t *testing.T) (*rucio.Client, func() string) {
	t.Helper()
	last := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last = strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), body))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, "[]")
	}))
	t.Cleanup(server.Close)
	c, err := rucio.New(rucio.Options{Hosts: []string{server.URL}})
	if err != nil {
		t.Fatal(err)
	}
	return c, func() string { return last }
}

// call runs a method to its end.
func call(t *testing.T, c *rucio.Client, name, kwargs string) error {
	t.Helper()
	m, ok := catalog.Lookup(name)
	if !ok {
		t.Fatalf("no method %s", name)
	}
	var args catalog.Args
	if err := json.Unmarshal([]byte(kwargs), &args); err != nil {
		t.Fatal(err)
	}
	result, err := m.Call(t.Context(), c, args)
	if err != nil || result.Rows == nil {
		return err
	}
	for _, err := range result.Rows {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestWrongArguments(t *testing.T) {
	c, last := record(t)
	for _, test := range []struct{ method, kwargs, class, message string }{
		{"list_dids", `{"filters": {}}`, "TypeError", "list_dids: kwarg scope: is required: string"},
		{"list_dids", `{"scope": "s"}`, "TypeError", "list_dids: kwarg filters: is required: map or list of maps"},
		{"list_dids", `{"scope": "s", "filters": "name=x"}`, "TypeError", "list_dids: kwarg filters: expected map or list of maps, got string"},
		{"list_dids", `{"scope": "s", "filters": ["x"]}`, "TypeError", "list_dids: kwarg filters: expected map or list of maps, got a list with string"},
		{"list_dids", `{"scope": 1, "filters": {}}`, "TypeError", "list_dids: kwarg scope: expected string, got number"},
		{"resurrect", `{"dids": null}`, "TypeError", "resurrect: kwarg dids: expected list of DIDs, got null"},
		{"list_dids", `{"scope": null, "filters": {}}`, "TypeError", "list_dids: kwarg scope: expected string, got null"},
		{"list_dids", `{"scope": "s", "filters": {}, "long": "yes"}`, "TypeError", "list_dids: kwarg long: expected boolean, got string"},
		{"list_dids", `{"scope": "s", "filters": {}, "Long": true}`, "TypeError",
			"list_dids: kwarg Long: unknown; list_dids takes scope, filters, did_type, long, recursive"},
		{"whoami", `{"x": 1}`, "TypeError", "whoami: kwarg x: unknown; whoami takes no arguments"},
		{"add_replication_rule", `{"dids": [{"scope": "s", "name": "n"}], "copies": 1.5, "rse_expression": "A"}`, "TypeError",
			"add_replication_rule: kwarg copies: expected integer, got number"},
		{"add_replication_rule", `{"dids": [{"scope": "s", "name": 7}], "copies": 1, "rse_expression": "A"}`, "TypeError",
			"add_replication_rule: kwarg dids: expected list of DIDs, got number at name"},
		{"add_replication_rule", `{"dids": {"scope": "s"}, "copies": 1, "rse_expression": "A"}`, "TypeError",
			"add_replication_rule: kwarg dids: expected list of DIDs, got map"},
	} {
		err := call(t, c, test.method, test.kwargs)
		var wrong *catalog.ArgumentError
		if !errors.As(err, &wrong) || err.Error() != test.message || wrong.Class != test.class || last() != "" {
			t.Errorf("%s%s\ngot  %v\nwant %s", test.method, test.kwargs, err, test.message)
		}
	}
}

func TestArgumentsReachTheServer(t *testing.T) {
	c, last := record(t)
	const rule = `"account":null,"activity":null,"ask_approval":false,"asynchronous":false,"comment":null,"copies":%s,"delay_injection":null,` +
		`"dids":[{"scope":"s","name":"n"}],"grouping":"DATASET","ignore_availability":false,"lifetime":%s,"locked":false,"meta":null,"notify":"N",` +
		`"priority":%s,"purge_replicas":false,"rse_expression":"A","source_replica_expression":null,"weight":null`
	const dids = `"dids": [{"scope": "s", "name": "n"}], "rse_expression": "A"`
	for _, test := range []struct{ method, kwargs, want string }{
		{"add_replication_rule", `{` + dids + `, "copies": 2}`, "POST /rules/ {" + fmt.Sprintf(rule, "2", "null", "3") + "}"},
		{"add_replication_rule", `{` + dids + `, "copies": 2.0, "lifetime": 1e6, "priority": null}`, "POST /rules/ {" + fmt.Sprintf(rule, "2", "1000000", "3") + "}"},
		{"set_account_limit", `{"account": "a", "rse": "A", "bytes_": 9007199254740993, "locality": "local"}`, `POST /accounts/a/limits/local/A {"bytes":9007199254740993}`},
		{"set_metadata", `{"scope": "s", "name": "n", "key": "k", "value": 12345678901234567890}`, `POST /dids/s/n/meta/k {"recursive":false,"value":12345678901234567890}`},
		{"set_metadata", `{"scope": "s", "name": "n", "key": "k", "value": null}`, `POST /dids/s/n/meta/k {"recursive":false,"value":null}`},
		{"attach_dids", `{"scope": "s", "name": "n", "dids": [{"scope": "t", "name": "f", "bytes": 9007199254740993}]}`,
			`POST /dids/s/n/dids {"dids":[{"scope":"t","name":"f","bytes":9007199254740993}]}`},
		{"detach_dids", `{"scope": "s", "name": "n"}`, `DELETE /dids/s/n/dids {"dids":null}`},
		{"add_account", `{"account": "a", "type_": "USER", "email": null}`, `POST /accounts/a {"email":null,"type":"USER"}`},
		{"set_status", `{"scope": "s", "name": "n", "open": false}`, `PUT /dids/s/n/status {"open":false}`},
		{"set_status", `{"scope": "s", "name": "n"}`, `PUT /dids/s/n/status {}`},
		{"list_files", `{"scope": "s", "name": "n", "long": true}`, `GET /dids/s/n/files?long=True`},
		{"list_files", `{"scope": "s", "name": "n", "long": null}`, `GET /dids/s/n/files`},
		{"list_dids", `{"scope": "s", "filters": {"length.gt": 12345678901234567890, "hidden": true}}`,
			`GET /dids/s/dids/search?filters=%5B%7B%27hidden%27%3A+True%2C+%27length.gt%27%3A+12345678901234567890%7D%5D&long=False&recursive=False&type=collection`},
	} {
		if err := call(t, c, test.method, test.kwargs); err != nil {
			t.Errorf("%s%s: %v", test.method, test.kwargs, err)
		}
		if got := last(); got != test.want {
			t.Errorf("%s%s\ngot  %s\nwant %s", test.method, test.kwargs, got, test.want)
		}
	}
}

func TestBind(t *testing.T) {
	m, _ := catalog.Lookup("get_did")
	args, err := m.Bind([]json.RawMessage{[]byte(`"s"`), []byte(`"n"`), []byte("true")})
	if err != nil || string(args["scope"]) != `"s"` || string(args["name"]) != `"n"` || string(args["dynamic"]) != "true" || len(args) != 3 {
		t.Errorf("got %s, %v", args, err)
	}
	const want = "get_did: takes at most 4 positional arguments (scope, name, dynamic, dynamic_depth), got 5"
	if _, err := m.Bind(make([]json.RawMessage, 5)); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestNames(t *testing.T) {
	names := catalog.Names()
	if !slices.IsSorted(names) || len(names) != len(catalog.Methods) {
		t.Errorf("got %v", names)
	}
	if _, ok := catalog.Lookup("list_rse"); ok {
		t.Error("there is no method list_rse")
	}
	for _, m := range catalog.Methods {
		if m.Doc == "" || m.Call == nil || (m.Verb+m.Path != "" && (m.Verb == "" || !strings.HasPrefix(m.Path, "/"))) {
			t.Errorf("%s is incomplete: %+v", m.Name, m)
		}
	}
	m, _ := catalog.Lookup("set_status")
	if got := m.Signature(); got != "set_status(scope, name, **kwargs)" {
		t.Errorf("got %s", got)
	}
	m, _ = catalog.Lookup("list_dids")
	if got := m.Signature(); got != "list_dids(scope, filters, did_type='collection', long=False, recursive=False)" {
		t.Errorf("got %s", got)
	}
}

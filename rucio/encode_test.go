package rucio

import (
	"encoding/json"
	"testing"
	"time"
)

func TestPaths(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{get("m", "/dids/{scope}/{name}", "user.jdoe", "a/b c+d%e?f#g&h=é:~").target(), "/dids/user.jdoe/a%2Fb%20c%2Bd%25e%3Ff%23g%26h%3D%C3%A9%3A~"},
		{get("m", "/dids/{scope}/dids/search", "..").target(), "/dids/../dids/search"},
		{get("m", "/scopes/").target(), "/scopes/"},
		{get("m", "/x").query("a", "").query("b", nil).query("c", (*int)(nil)).query("d", Time{}).target(), "/x"},
		{get("m", "/x").query("a", "1 &é").query("b", true).query("c", false).query("d", new(3)).query("e", 1.5).target(), "/x?a=1+%26%C3%A9&b=True&c=False&d=3&e=1.5"},
		{get("m", "/x").flag("a", true).flag("b", false).query("c", int64(9007199254740993)).query("d", json.Number("1e3")).target(), "/x?a=True&c=9007199254740993&d=1e3"},
		{get("m", "/x").queryMap(map[string]any{"a": []any{"1", "2"}, "b": nil, "c": false}).target(), "/x?a=1&a=2&c=False"},
		{get("m", "/x").query("t", At(time.Date(2026, 1, 31, 12, 0, 0, 0, time.FixedZone("CET", 3600)))).target(), "/x?t=Sat%2C+31+Jan+2026+11%3A00%3A00+UTC"},
	} {
		if test.got != test.want {
			t.Errorf("got  %s\nwant %s", test.got, test.want)
		}
	}
}

func TestPythonLiterals(t *testing.T) {
	when := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for want, value := range map[string]any{
		`None`: nil, `True`: true, `12`: 12, `1.5`: 1.5, `12345678901234567890`: json.Number("12345678901234567890"),
		`'it\'s \\ \x0a é "x"'`:                  "it's \\ \n é \"x\"",
		`[{'a': None, 'b.gt': 3}, {}]`:           Filters{{"b.gt": 3, "a": nil}, {}},
		`['Q', 'D']`:                             []string{"Q", "D"},
		`{'t': 'Sat, 31 Jan 2026 12:00:00 UTC'}`: map[string]any{"t": when},
		`['Sat, 31 Jan 2026 12:00:00 UTC']`:      []any{At(when)},
	} {
		if got := pythonLiteral(value); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2026, 11, 23, 7, 32, 46, 0, time.UTC)
	for _, text := range []string{"Mon, 23 Nov 2026 07:32:46 UTC", "2026-11-23T07:32:46", "2026-11-23 07:32:46", "2026-11-23T08:32:46+01:00", "2026-11-23T07:32:46.000000"} {
		var got Time
		b, _ := json.Marshal(text)
		if err := json.Unmarshal(b, &got); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
		if b, err := json.Marshal(got); err != nil || string(b) != `"Mon, 23 Nov 2026 07:32:46 UTC"` {
			t.Errorf("%s is sent as %s, %v", text, b, err)
		}
	}
	for text, want := range map[string]string{`null`: `null`, `"next week"`: `"next week"`} {
		var got Time
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.IsZero() {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
		if b, err := json.Marshal(got); err != nil || string(b) != want {
			t.Errorf("%s is sent as %s, %v", text, b, err)
		}
	}
}

func TestExtraFieldsAreSentAndKept(t *testing.T) {
	const text = `{"scope":"s","name":"n","bytes":9007199254740993,"meta":{"a":null}}`
	var d DID
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if d.String() != "s:n" || d.Extra["bytes"] != json.Number("9007199254740993") || len(d.Extra) != 2 {
		t.Errorf("got %+v", d)
	}
	if b, err := json.Marshal([]DID{d, {Extra: map[string]any{"a": 1}}, {}}); err != nil || string(b) != `[`+text+`,{"a":1},{}]` {
		t.Errorf("got %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`{"scope":1}`), &d); err == nil {
		t.Error("a scope that is a number passes")
	}
}

func TestDefaults(t *testing.T) {
	type options struct {
		Priority  *int   `py:"priority=3"`
		Grouping  string `py:"grouping='DATASET'"`
		Direction string `py:"direction=TransferLimitDirection.DESTINATION"`
		On        *bool  `py:"on=True"`
		Off       bool   `py:"off=False"`
		Limit     *int64 `py:"limit=None"`
	}
	o := withDefaults[options](nil)
	if *o.Priority != 3 || o.Grouping != "DATASET" || o.Direction != "DESTINATION" || !*o.On || o.Off || o.Limit != nil {
		t.Errorf("got %+v", o)
	}
	given := &options{Priority: new(0), Grouping: "ALL", On: new(false), Off: true, Limit: new(int64(7))}
	o = withDefaults(given)
	if *o.Priority != 0 || o.Grouping != "ALL" || *o.On || !o.Off || *o.Limit != 7 || o == given {
		t.Errorf("got %+v", o)
	}
}

func TestResultsKeepWhatTheServerSent(t *testing.T) {
	c := &Client{}
	rse, err := decode[RSE](c, get("get_rse", "/"), []byte(`{"rse":"A","of_tomorrow":12345678901234567890}`))
	if err != nil || rse.RSE != "A" {
		t.Fatal(rse, err)
	}
	var all map[string]any
	if err := rse.Decode(&all); err != nil || all["of_tomorrow"] != json.Number("12345678901234567890") {
		t.Errorf("got %v, %v from %s", all, err, rse.JSON())
	}
	rse, err = decode[RSE](c.Raw(), get("get_rse", "/"), []byte(`{"rse":"A"}`))
	if err != nil || rse.RSE != "" || string(rse.JSON()) != `{"rse":"A"}` {
		t.Errorf("raw: got %+v, %v", rse, err)
	}
}

package voms

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestPlaces(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		home string
		want []string
	}{
		{nil, "/home/jane", []string{"/home/jane/.voms/vomses", "/home/jane/.glite/vomses", "/etc/vomses"}},
		{nil, "", []string{"/etc/vomses"}},
		{map[string]string{"VOMS_USERCONF": "/opt/vomses"}, "/home/jane", []string{"/opt/vomses", "/etc/vomses"}},
	} {
		if got := Places(test.env, test.home); !slices.Equal(got, test.want) {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestFind(t *testing.T) {
	home, etc := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(home, "vomses"):    "# the user's\n\n\"mine\" \"voms1.example.org\" \"15001\" \"/DC=org/CN=voms1.example.org\" \"example.org\"\n",
		filepath.Join(etc, "a-example"):  "\"example.org\" \"voms2.example.org\" \"443\" \"/DC=org/CN=with space\" \"example.org\" \"24\"\nplain voms3.example.org 15003 /CN=x plain.org\n",
		filepath.Join(etc, "b-broken"):   "\"broken\" \"host\" \"http\" \"/CN=x\" \"broken\"\n\"open\nonly three fields\n\"atlas\" \"voms4\" \"1\" \"/CN=4\" \"atlas\"\n",
		filepath.Join(etc, "c-backup~"):  "\"old\" \"h\" \"1\" \"/CN=x\" \"old\"\n",
		filepath.Join(etc, ".d-swapped"): "\"old\" \"h\" \"1\" \"/CN=x\" \"old\"\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	places := []string{filepath.Join(home, "vomses"), filepath.Join(home, "none"), etc}
	for vo, want := range map[string][]Server{
		"example.org": {
			{"mine", "voms1.example.org", 15001, "/DC=org/CN=voms1.example.org", "example.org", places[0] + ":3"},
			{"example.org", "voms2.example.org", 443, "/DC=org/CN=with space", "example.org", filepath.Join(etc, "a-example") + ":1"},
		},
		"mine":  {{"mine", "voms1.example.org", 15001, "/DC=org/CN=voms1.example.org", "example.org", places[0] + ":3"}},
		"plain": {{"plain", "voms3.example.org", 15003, "/CN=x", "plain.org", filepath.Join(etc, "a-example") + ":2"}},
		"atlas": {{"atlas", "voms4", 1, "/CN=4", "atlas", filepath.Join(etc, "b-broken") + ":4"}},
	} {
		got, err := Find(places, vo)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v; want %v", vo, got, err, want)
		}
	}
	if got := (Server{Host: "voms", Port: 15}).Address(); got != "voms:15" {
		t.Errorf("the address is %s", got)
	}
	broken := filepath.Join(etc, "b-broken")
	for _, vo := range []string{"broken", "old"} {
		_, err := Find(places, vo)
		var unknown *UnknownVOError
		if !errors.As(err, &unknown) || !slices.Equal(unknown.Known, []string{"atlas", "example.org", "plain.org"}) {
			t.Fatalf("%s: got %v", vo, err)
		}
		want := `no server of the VO "` + vo + `" is known (looked in ` + places[0] + ", " + places[1] + ", " + etc + "); " +
			broken + `:1: "http" is not a port` + "\n" + broken + ":2: a quote is not closed\n" + broken + `:3: 3 fields, not the 5 of "alias" "host" "port" "DN" "vo"`
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
}

func TestParseRequests(t *testing.T) {
	hour := time.Hour
	for text, want := range map[string][]Request{
		"skatelescope.eu":                        {{VO: "skatelescope.eu", Lifetime: hour}},
		"atlas:all":                              {{VO: "atlas", Lifetime: hour}},
		"atlas:/atlas/Role=production":           {{VO: "atlas", FQANs: []string{"/atlas/Role=production"}, Lifetime: hour}},
		"atlas:/Role=production":                 {{VO: "atlas", FQANs: []string{"/atlas/Role=production"}, Lifetime: hour}},
		"a:/a/x, b  a:/a/y/Role=r\n":             {{VO: "a", FQANs: []string{"/a/x", "/a/y/Role=r"}, Lifetime: hour}, {VO: "b", Lifetime: hour}},
		"alias:/example.org/Role=r,alias:/other": {{VO: "alias", FQANs: []string{"/example.org/Role=r", "/other"}, Lifetime: hour}},
	} {
		got, err := ParseRequests(text, hour)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":           `"" names no VO`,
		" , ":        `" , " names no VO`,
		"/atlas":     `"/atlas" is neither a VO nor VO:/VO/group/Role=role`,
		":/atlas":    `":/atlas" is neither a VO nor VO:/VO/group/Role=role`,
		"atlas:prod": `"prod" in "atlas:prod" does not begin with a slash, as /atlas/group or /atlas/Role=role does`,
	} {
		if _, err := ParseRequests(text, hour); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

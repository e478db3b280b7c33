package suggest

import (
	"slices"
	"testing"
)

func TestNear(t *testing.T) {
	fields := []string{"description", "module_name", "class_name", "enabled", "args", "kwargs", "timeout"}
	methods := []string{"list_rses", "list_replicas", "list_replication_rules", "add_replication_rule", "get_replication_rule", "ping"}
	tests := []struct {
		name       string
		word       string
		candidates []string
		limit      int
		want       []string
	}{
		{"missing letter", "modul_name", fields, 3, []string{"module_name"}},
		{"swapped neighbours", "kwagrs", fields, 1, []string{"kwargs"}},
		{"case and separators", "Module-Name", fields, 3, []string{"module_name"}},
		{"wrong word of a short name", "arg", fields, 3, []string{"args"}},
		{"nothing close", "colour", fields, 3, nil},
		{"closest first", "list_replica", methods, 2, []string{"list_replicas"}},
		{"ties keep the order given", "et_replication_rule", []string{"set_replication_rule", "get_replication_rule"}, 2,
			[]string{"set_replication_rule", "get_replication_rule"}},
		{"a part of the name, when no edit leads there", "replicas", methods, 3, []string{"list_replicas"}},
		{"the name is a part of the word", "do_ping_now", methods, 3, []string{"ping"}},
		{"two letters are no part", "li", methods, 3, nil},
		{"the word itself is no suggestion", "ping", []string{"ping", "pings"}, 3, []string{"pings"}},
		{"doubles once", "pinq", []string{"ping", "ping"}, 3, []string{"ping"}},
		{"letters outside ASCII", "größe", []string{"grösse", "große"}, 3, []string{"große", "grösse"}},
		{"empty word", "", fields, 3, nil},
		{"no limit left", "kwarg", fields, 0, nil},
		{"no candidates", "kwarg", nil, 3, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Near(tt.word, tt.candidates, tt.limit); !slices.Equal(got, tt.want) {
				t.Errorf("Near(%q) = %q, want %q", tt.word, got, tt.want)
			}
		})
	}
}

func TestHint(t *testing.T) {
	candidates := []string{"upload", "uploads", "download", "ping"}
	for word, want := range map[string]string{
		"uplod":   `did you mean "upload" or "uploads"?`,
		"pong":    `did you mean "ping"?`,
		"xyzzy":   "",
		"dowload": `did you mean "download"?`,
	} {
		if got := Hint(word, candidates); got != want {
			t.Errorf("Hint(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"kitten", "sitting", 3}, {"ab", "ba", 1}, {"ca", "abc", 3}, {"abcd", "acbd", 1},
	} {
		if got := distance([]rune(tt.a), []rune(tt.b)); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

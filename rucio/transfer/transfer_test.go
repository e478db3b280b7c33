package transfer

import (
	"fmt"
	"strings"
	"testing"
)

// An error that is for many files tells the reasons of some, each in a line that can be read.
func TestTold(t *testing.T) {
	reasons := []string{"a: two\n lines", "b: " + strings.Repeat("é", 400)}
	if got, want := told(reasons), "a: two lines; b: "+strings.Repeat("é", 248)+" ..."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for i := range toldFiles {
		reasons = append(reasons, fmt.Sprint("reason ", i))
	}
	if got := told(reasons); !strings.HasSuffix(got, "; reason 7; and 2 more") || strings.Contains(got, "reason 8") {
		t.Errorf("got %q", got)
	}
}

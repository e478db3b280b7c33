package fail

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestCodeOf(t *testing.T) {
	plain := errors.New("broken")
	for _, c := range []struct {
		name string
		err  error
		want Code
	}{
		{"nil", nil, OK},
		{"plain", plain, Task},
		{"given", With(Auth, plain), Auth},
		{"given, wrapped", fmt.Errorf("login: %w", With(Auth, plain)), Auth},
		{"outermost wins", With(Config, With(Auth, plain)), Config},
		{"hint keeps the code", Hint(With(Auth, plain), "set it"), Auth},
		{"deadline", fmt.Errorf("get: %w", context.DeadlineExceeded), Timeout},
		{"cancelled", fmt.Errorf("get: %w", context.Canceled), Interrupted},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%s: CodeOf = %v, want %v", c.name, got, c.want)
		}
	}
	if With(Auth, nil) != nil || Hint(nil, "x") != nil {
		t.Error("decorating nil must stay nil")
	}
}

func TestHintOf(t *testing.T) {
	err := Hint(Hint(errors.New("broken"), "inner"), "set %s", "RUCIO_CFG_CLIENT_ACCOUNT")
	if got, want := HintOf(fmt.Errorf("run: %w", err)), "set RUCIO_CFG_CLIENT_ACCOUNT"; got != want {
		t.Errorf("HintOf = %q, want %q", got, want)
	}
	if err.Error() != "broken" {
		t.Errorf("a hint must not change the message, got %q", err)
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := map[Code]bool{}
	for _, e := range Table {
		if seen[e.Code] || e.Name == "" || e.Meaning == "" {
			t.Errorf("row %d (%s) is a duplicate or incomplete", e.Code, e.Name)
		}
		seen[e.Code] = true
		if rank(e.Code) == len(gravity) {
			t.Errorf("%s has no gravity", e.Name)
		}
	}
	if len(Table) != len(gravity) {
		t.Errorf("%d codes in the table, %d in gravity", len(Table), len(gravity))
	}
	if got := Worse(Check, Auth); got != Auth {
		t.Errorf("Worse(Check, Auth) = %v", got)
	}
}

package redact

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestString(t *testing.T) {
	var r Redactor
	if got := r.String("nothing is secret yet"); got != "nothing is secret yet" {
		t.Errorf("the zero value changed %q", got)
	}
	r.Add("s3cr3t", `with "quotes" & more`, "yes", "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END KEY-----", "s3cr3t-and-longer")
	for in, want := range map[string]string{
		"token s3cr3t.":                       "token [redacted].",
		"token s3cr3t-and-longer.":            "token [redacted].",
		`{"p":"with \"quotes\" \u0026 more"}`: `{"p":"[redacted]"}`,
		"?p=with+%22quotes%22+%26+more":       "?p=[redacted]",
		"yes, three letters stay":             "yes, three letters stay",
		"line MIIEvQIBADANBgkqhkiG9w0BAQ":     "line [redacted]",
	} {
		if got := r.String(in); got != want {
			t.Errorf("String(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWriterFindsASecretSplitOverWrites(t *testing.T) {
	var r Redactor
	r.Add("hunter2hunter2")
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, part := range []string{"password hunter2", "hunter2\nnext li", "ne hunter2hunter2"} {
		if _, err := io.WriteString(w, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "password [redacted]\nnext line [redacted]"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Error("the secret passed")
	}
}

package redact

import (
	"bytes"
	"encoding/base64"
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

// Whatever stands before and after a secret, its base64 form is found.
func TestBase64(t *testing.T) {
	const secret = "p4ss/word?>\xff"
	var r Redactor
	r.Add(secret, "short")
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		for _, before := range []string{"", "u:", "me:", "you:", "\xff\xff\xff\xff"} {
			for _, after := range []string{"", "x", "xy", "\xff"} {
				got := r.String("Basic " + encoding.EncodeToString([]byte(before+secret+after)) + ".")
				if !strings.Contains(got, Mark) || len(got) > len("Basic "+Mark+".")+len(before+after)*2+6 {
					t.Errorf("after %q and before %q: %s", before, after, got)
				}
			}
		}
	}
	if text := base64.StdEncoding.EncodeToString([]byte("short")); r.String(text) != text {
		t.Error("a short one is looked for")
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

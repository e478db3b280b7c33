package rucio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const text = "hunter2-hunter2"
	holder := struct{ Password Secret }{Secret(text)}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("login", "password", holder.Password, "holder", holder)
	marshalled, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for name, printed := range map[string]string{
		"%v": fmt.Sprintf("%v", holder), "%+v": fmt.Sprintf("%+v", holder), "%#v": fmt.Sprintf("%#v", holder),
		"%s": fmt.Sprintf("is %s", holder.Password), "json": string(marshalled), "slog": log.String(),
	} {
		if strings.Contains(printed, text) {
			t.Errorf("%s shows the secret: %s", name, printed)
		}
		if !strings.Contains(printed, redacted) {
			t.Errorf("%s does not show that there is a secret: %s", name, printed)
		}
	}
	if holder.Password.Reveal() != text {
		t.Error("Reveal does not return the text")
	}
	if got := Secret("").String(); got != "" {
		t.Errorf("an empty secret prints as %q, want nothing", got)
	}
}

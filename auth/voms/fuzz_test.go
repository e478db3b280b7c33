package voms

import (
	"strings"
	"testing"
)

// Attribute certificates, answers and vomses files come from others: whatever is in them, they are read or refused.
func FuzzParseAC(f *testing.F) {
	f.Add([]byte{0x30, 0x00})
	f.Fuzz(func(t *testing.T, der []byte) {
		ac, err := ParseAC(der)
		if err != nil {
			return
		}
		if len(ac.FQANs) == 0 {
			t.Error("no attributes, and no error")
		}
		ac.Has("/vo")
	})
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte("<voms><ac>QUJD</ac></voms>"))
	f.Add([]byte(`<?xml version="1.0" encoding = "US-ASCII"?><vomsans><error><item><number>1001</number><message>no</message></item></error><ac>QQ==` + "\n</ac></vomsans>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := parseAnswer(body); err == nil && len(got.AC) == 0 {
			t.Error("no certificate, and no error")
		}
	})
}

func FuzzParseVomses(f *testing.F) {
	f.Add("\"a\" \"h\" \"1\" \"/CN=x\" \"a\"\n# c\nplain h 2 /CN=y vo 24\n")
	f.Add("\"")
	f.Fuzz(func(t *testing.T, text string) {
		servers, err := parseVomses("vomses", text)
		lines := 0
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				lines++
			}
		}
		if len(servers) > lines || len(servers) < lines && err == nil {
			t.Errorf("%d servers of %d lines, error %v", len(servers), lines, err)
		}
	})
}

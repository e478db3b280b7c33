package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

// load reads the text of a rucio.cfg at /etc/rucio.cfg and an environment.
func load(text string, env map[string]string) (*config.Config, error) {
	return config.Load(config.Options{Env: env, File: "/etc/rucio.cfg", ReadFile: func(string) ([]byte, error) { return []byte(text), nil }})
}

func TestWrongFiles(t *testing.T) {
	for name, want := range map[string]string{
		"wrong-line.cfg":          `wrong-line.cfg:3: is neither a [section], nor option = value, nor a comment`,
		"wrong-empty-name.cfg":    `wrong-empty-name.cfg:2: is neither a [section], nor option = value, nor a comment`,
		"wrong-empty-section.cfg": `wrong-empty-section.cfg:3: is neither a [section], nor option = value, nor a comment`,
		"wrong-no-section.cfg":    `wrong-no-section.cfg:1: stands before the first [section]`,
		"wrong-section-twice.cfg": `wrong-section-twice.cfg:5: section [client] is there twice (first on line 1)`,
		"wrong-option-twice.cfg":  `wrong-option-twice.cfg:3: option "account" is there twice in [client] (first on line 2)`,
	} {
		_, err := config.Load(config.Options{File: filepath.Join("testdata", "files", name)})
		if err == nil || err.Error() != filepath.Join("testdata", "files", want) {
			t.Errorf("%s: %v\nwant %s", name, err, want)
		}
		var wrong *config.Error
		if !errors.As(err, &wrong) || wrong.Hint() == "" {
			t.Errorf("%s: %#v has no hint", name, err)
		}
	}
}

func TestWrongReferences(t *testing.T) {
	cfg, err := config.Load(config.Options{File: "testdata/files/wrong-references.cfg"})
	if err != nil {
		t.Fatal(err)
	}
	percent := "a % must be doubled (%%), or begin a reference %(option)s"
	for option, want := range map[string]string{
		"bad":    "testdata/files/wrong-references.cfg:2: bad: " + percent,
		"worse":  `testdata/files/wrong-references.cfg:3: worse: refers to %(nowhere)s, but there is no option "nowhere" in this section or [DEFAULT]`,
		"circle": "testdata/files/wrong-references.cfg:4: circle: references to other options are nested more than 10 deep; do they run in a circle?",
	} {
		if _, err := cfg.Get("client", option); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", option, err, want)
		}
	}
}

func TestManyWrongLines(t *testing.T) {
	_, err := load("[client]\n"+strings.Repeat("wrong\n", 50), nil)
	if got := strings.Count(err.Error(), "\n") + 1; got != 10 {
		t.Errorf("%d lines are reported, want the first 10:\n%v", got, err)
	}
}

func TestByteOrderMarkAndBadText(t *testing.T) {
	cfg, err := load("\ufeff[client]\naccount = root\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := cfg.Get("client", "account"); v.Text() != "root" || v.Origin != "/etc/rucio.cfg:2" {
		t.Errorf("got %#v", v)
	}
	_, err = load("[client]\naccount = b\xe4r\n", nil)
	if want := "/etc/rucio.cfg:2: is not UTF-8 text"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A line that is wrong may be a part of a secret.
func TestWrongLinesAreNotShown(t *testing.T) {
	for _, text := range []string{"password hunter2", "[client]\npassword hunter2", "[client]\npassword = a\nhunter2", "[client]\npassword = %hunter2"} {
		cfg, err := load(text, nil)
		if err == nil {
			_, err = cfg.Client()
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParse: whatever is read without an error can be written as a simple file and is then read the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"[client]\naccount = root\n", "[DEFAULT]\na: b\n[x]\nc = %(a)s %%\n", "[a]b]\n # x\nk =\n  v\n\n  w\n; y\n", "k = v\n", "[s]\r\nk=\r  v\r\n",
	} {
		f.Add(seed)
	}
	files, err := filepath.Glob("testdata/files/*.cfg")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := load(text, nil)
		if err != nil || strings.Contains(text, "%(") { // a reference can put white space where a file cannot have it
			return
		}
		var b strings.Builder
		want := map[[2]string]string{}
		section := ""
		for _, s := range cfg.Effective() { // sorted by section
			if s.Err != nil || s.Value.Origin == "default" {
				continue
			}
			if b.Len() == 0 || s.Section != section {
				b.WriteString("[" + s.Section + "]\n")
				section = s.Section
			}
			value := strings.ReplaceAll(s.Value.Text(), "%", "%%")
			b.WriteString(s.Option + " = " + strings.ReplaceAll(value, "\n", "\n\t") + "\n")
			want[[2]string{s.Section, s.Option}] = s.Value.Text()
		}
		again, err := load(b.String(), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		for k, text := range want {
			if v, err := again.Get(k[0], k[1]); err != nil || v.Text() != text {
				t.Errorf("%v: got %q, %v; want %q", k, v.Text(), err, text)
			}
		}
	})
}

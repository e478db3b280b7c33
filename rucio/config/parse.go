package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// defaultSection holds options that every other section of the file has too.
const defaultSection = "DEFAULT"

// maxProblems is how many wrong lines of a file are reported at once.
const maxProblems = 10

// key names an option. Sections are case-sensitive, options are lower case, as in Python's configparser.
type key struct{ section, option string }

// entry is an option's text as written, before interpolation.
type entry struct {
	text    string
	origin  string
	inFile  bool // in rucio.cfg
	literal bool // taken as it stands: no interpolation
}

// asWritten returns the entry's text as it would have to be written to go through interpolation.
func (e entry) asWritten() string {
	if e.literal {
		return strings.ReplaceAll(e.text, "%", "%%")
	}
	return e.text
}

// document is a parsed rucio.cfg.
type document struct {
	sections map[string]bool // all but [DEFAULT]
	values   map[key]entry
}

// parser reads a file line by line, by the rules of Python's configparser.ConfigParser in its standard setting: "=" or
// ":" between option and value, comments on lines of their own that begin with "#" or ";", values that go on in lines
// indented deeper than their option, empty lines as part of a value, no section or option twice.
type parser struct {
	path     string
	doc      document
	lines    map[key]int // where each option stands, and each section under key{section, ""}
	section  string      // the section at hand; empty before the first one
	option   string      // the option that the next line may continue; empty: none
	value    []string    // its lines
	indent   int
	problems []error
}

// parse reads the text of a rucio.cfg. path is for messages. Every wrong line is an *Error; they are joined.
func parse(path string, text []byte) (document, error) {
	p := &parser{
		path:  path,
		doc:   document{sections: map[string]bool{}, values: map[key]entry{}},
		lines: map[key]int{},
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // Windows editors; Python's message for it helps nobody
	content := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text))
	for i, line := range strings.Split(content, "\n") {
		if !utf8.ValidString(line) {
			p.wrong(i+1, "is not UTF-8 text", "")
		} else if !p.line(i+1, line) || len(p.problems) >= maxProblems {
			break
		}
	}
	p.flush()
	return p.doc, errors.Join(p.problems...)
}

// line reads one line; false ends the reading.
func (p *parser) line(number int, line string) bool {
	text := strings.TrimFunc(line, isSpace)
	switch {
	case text == "":
		if p.option != "" {
			p.value = append(p.value, "")
		}
		return true
	case text[0] == '#' || text[0] == ';':
		return true
	}
	indent := utf8.RuneCountInString(line[:strings.IndexFunc(line, isNotSpace)])
	if p.option != "" && indent > p.indent {
		p.value = append(p.value, text)
		return true
	}
	p.indent = indent
	if name, ok := sectionHeader(text); ok {
		p.startSection(number, name)
		return true
	}
	if len(p.lines) == 0 {
		p.wrong(number, "stands before the first [section]", "write [client] on a line above it")
		return false
	}
	p.startOption(number, text)
	return true
}

// sectionHeader returns the name in "[name]"; what follows the last bracket is ignored, as Python does.
func sectionHeader(text string) (string, bool) {
	end := strings.LastIndexByte(text, ']')
	if text[0] != '[' || end < 2 {
		return "", false
	}
	return text[1:end], true
}

func (p *parser) startSection(number int, name string) {
	p.flush()
	p.section = name
	at := key{section: name}
	if first, twice := p.lines[at]; twice && name != defaultSection {
		p.wrong(number, fmt.Sprintf("section [%s] is there twice (first on line %d)", name, first), "merge the two")
	}
	p.lines[at] = number
	if name != defaultSection {
		p.doc.sections[name] = true
	}
}

func (p *parser) startOption(number int, text string) {
	at := strings.IndexAny(text, "=:")
	name := ""
	if at >= 0 {
		name = strings.ToLower(strings.TrimRightFunc(text[:at], isSpace))
	}
	if name == "" {
		// The text is not shown: it may be a part of a password or a key. An option at hand stays at hand, as in Python.
		p.wrong(number, "is neither a [section], nor option = value, nor a comment",
			"indent a line that continues a value; begin a comment with # or ;")
		return
	}
	p.flush()
	k := key{p.section, name}
	if first, twice := p.lines[k]; twice {
		p.wrong(number, fmt.Sprintf("option %q is there twice in [%s] (first on line %d)", name, p.section, first), "remove one")
	}
	p.lines[k] = number
	p.option, p.value = name, []string{strings.TrimLeftFunc(text[at+1:], isSpace)}
}

// flush keeps the option at hand; nothing can continue it any more.
func (p *parser) flush() {
	if p.option == "" {
		return
	}
	k := key{p.section, p.option}
	p.doc.values[k] = entry{
		text:   strings.TrimRightFunc(strings.Join(p.value, "\n"), isSpace),
		origin: fmt.Sprintf("%s:%d", p.path, p.lines[k]),
		inFile: true,
	}
	p.option, p.value = "", nil
}

func (p *parser) wrong(number int, problem, advice string) {
	p.problems = append(p.problems, &Error{Origin: fmt.Sprintf("%s:%d", p.path, number), Problem: problem, Advice: advice})
}

// isSpace tells what Python's str.strip removes: white space, and the ASCII separators of files, groups, records, units.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

func isNotSpace(r rune) bool { return !isSpace(r) }

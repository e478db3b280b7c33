package bind

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep lists and objects may nest, in JSON that is read and in tables that are written.
const maxDepth = 200

// A span is a part of a JSON document, as offsets. The decoder refuses documents of 4 GiB and more.
type span struct{ start, end uint32 }

// of returns the part of doc that s spans.
func (s span) of(doc string) string { return doc[s.start:s.end] }

func offset(i int) uint32 { return uint32(i) } //nolint:gosec // the decoder refuses documents that are larger

// A member is a field of an object: its key without quotes, still escaped, and its value.
type member struct{ key, value span }

// failed is what the skip functions return where the document is not JSON: ^offset, a negative number. A plain int keeps
// them small enough for the compiler to keep in registers; syntaxError makes the message.
func failed(at int) int { return ^at }

// tooDeep is failed for a list or object at a depth that is not allowed.
func tooDeep(at int) int { return ^(at + deepMark) }

// deepMark is larger than any offset.
const deepMark = 1 << 40

// A SyntaxError tells where a document is not JSON.
type SyntaxError struct {
	Line, Column int    // of the offending byte, counted from 1
	Near         string // what stands there; "" at the end of the document
	Deep         bool   // nothing is wrong but the depth
}

// Error implements error.
func (e *SyntaxError) Error() string {
	switch {
	case e.Deep:
		return fmt.Sprintf("invalid JSON: line %d, column %d: lists and objects nest deeper than %d", e.Line, e.Column, maxDepth)
	case e.Near == "":
		return fmt.Sprintf("invalid JSON: it ends too early, at line %d, column %d", e.Line, e.Column)
	}
	return fmt.Sprintf("invalid JSON: unexpected %q at line %d, column %d", e.Near, e.Line, e.Column)
}

// syntaxError describes the failure that result stands for, counted from start, in doc.
func syntaxError(doc string, start, result int) error {
	at := ^result + start
	deep := at >= deepMark
	if deep {
		at -= deepMark
	}
	line := 1 + strings.Count(doc[:at], "\n")
	e := &SyntaxError{Line: line, Column: at - strings.LastIndexByte(doc[:at], '\n'), Deep: deep}
	if at < len(doc) {
		_, size := utf8.DecodeRuneInString(doc[at:])
		e.Near = doc[at : at+size]
	}
	return e
}

// space returns the offset of the first byte at or after i that is not white space.
func space(doc string, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\n' || doc[i] == '\r' || doc[i] == '\t') {
		i++
	}
	return i
}

// skip returns the offset behind the value that starts at i; it checks all of it. depth is how many lists and objects
// the value is in.
func skip(doc string, i, depth int) int {
	if i >= len(doc) {
		return failed(i)
	}
	switch doc[i] {
	case '"':
		return skipString(doc, i)
	case '{':
		return skipObject(doc, i, depth+1, nil)
	case '[':
		return skipList(doc, i, depth+1, nil)
	case 't':
		return skipWord(doc, i, "true")
	case 'f':
		return skipWord(doc, i, "false")
	case 'n':
		return skipWord(doc, i, "null")
	default:
		return skipNumber(doc, i)
	}
}

// skipObject is skip for an object; it appends its members to *members, unless that is nil.
func skipObject(doc string, i, depth int, members *[]member) int {
	if depth > maxDepth {
		return tooDeep(i)
	}
	if i = space(doc, i+1); i < len(doc) && doc[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(doc) || doc[i] != '"' {
			return failed(i)
		}
		m := member{key: span{start: offset(i + 1)}}
		if i = skipString(doc, i); i < 0 {
			return i
		}
		m.key.end = offset(i - 1)
		if i = space(doc, i); i >= len(doc) || doc[i] != ':' {
			return failed(i)
		}
		i = space(doc, i+1)
		m.value.start = offset(i)
		if i = skip(doc, i, depth); i < 0 {
			return i
		}
		m.value.end = offset(i)
		if members != nil {
			*members = append(*members, m)
		}
		i = space(doc, i)
		if i >= len(doc) || doc[i] != ',' && doc[i] != '}' {
			return failed(i)
		}
		if doc[i] == '}' {
			return i + 1
		}
		i = space(doc, i+1)
	}
}

// skipList is skip for a list; it appends its items to *items, unless that is nil.
func skipList(doc string, i, depth int, items *[]span) int {
	if depth > maxDepth {
		return tooDeep(i)
	}
	if i = space(doc, i+1); i < len(doc) && doc[i] == ']' {
		return i + 1
	}
	for {
		item := span{start: offset(i)}
		if i = skip(doc, i, depth); i < 0 {
			return i
		}
		item.end = offset(i)
		if items != nil {
			*items = append(*items, item)
		}
		i = space(doc, i)
		if i >= len(doc) || doc[i] != ',' && doc[i] != ']' {
			return failed(i)
		}
		if doc[i] == ']' {
			return i + 1
		}
		i = space(doc, i+1)
	}
}

func skipWord(doc string, i int, word string) int {
	if strings.HasPrefix(doc[i:], word) {
		return i + len(word)
	}
	for k := 0; k < len(word) && i < len(doc) && doc[i] == word[k]; k++ {
		i++
	}
	return failed(i)
}

// skipString is skip for a string.
func skipString(doc string, i int) int {
	for i++; ; {
		i = plainEnd(doc, i)
		if i >= len(doc) {
			return failed(i)
		}
		switch doc[i] {
		case '"':
			return i + 1
		case '\\':
			if i = skipEscape(doc, i); i < 0 {
				return i
			}
		default:
			return failed(i)
		}
	}
}

// plainEnd returns the offset of the first quote, backslash or control character at or after i. It looks at eight bytes at
// a time: x-ones &^ x has the high bit of each byte set that is zero in x (and may have some above the first such byte).
func plainEnd(doc string, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(doc); i += 8 {
		s := doc[i : i+8]
		w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		if found := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(doc) && doc[i] >= 0x20 && doc[i] != '"' && doc[i] != '\\' {
		i++
	}
	return i
}

// skipEscape returns the offset behind the escape sequence whose backslash stands at i.
func skipEscape(doc string, i int) int {
	if i++; i >= len(doc) {
		return failed(i)
	}
	switch doc[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for end := i + 5; ; {
			if i++; i == end {
				return i
			}
			if i >= len(doc) || !isHex(doc[i]) {
				return failed(i)
			}
		}
	}
	return failed(i)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// skipNumber is skip for a number.
func skipNumber(doc string, i int) int {
	if i < len(doc) && doc[i] == '-' {
		i++
	}
	if i < len(doc) && doc[i] == '0' {
		i++
	} else if i = skipDigits(doc, i); i < 0 {
		return i
	}
	if i < len(doc) && doc[i] == '.' {
		if i = skipDigits(doc, i+1); i < 0 {
			return i
		}
	}
	if i < len(doc) && (doc[i] == 'e' || doc[i] == 'E') {
		if i++; i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		return skipDigits(doc, i)
	}
	return i
}

// skipDigits skips one digit or more.
func skipDigits(doc string, i int) int {
	start := i
	for i < len(doc) && '0' <= doc[i] && doc[i] <= '9' {
		i++
	}
	if i == start {
		return failed(i)
	}
	return i
}

// unquote returns the text of the string that stands in doc between two quotes. Without escapes it shares doc's memory.
func unquote(text string) string {
	at := strings.IndexByte(text, '\\')
	if at < 0 {
		return text
	}
	b := make([]byte, 0, len(text))
	for at >= 0 {
		b = append(b, text[:at]...)
		b, text = unescape(b, text[at:])
		at = strings.IndexByte(text, '\\')
	}
	return string(append(b, text...))
}

// unescape appends what the escape sequence at the start of text means, which skipEscape has checked, and returns the rest.
// Half of a surrogate pair becomes U+FFFD, as in encoding/json.
func unescape(b []byte, text string) (_ []byte, rest string) {
	c := text[1]
	if plain := strings.IndexByte("bfnrt", c); plain >= 0 {
		return append(b, "\b\f\n\r\t"[plain]), text[2:]
	}
	if c != 'u' {
		return append(b, c), text[2:]
	}
	r, rest := hexRune(text), text[6:]
	if utf16.IsSurrogate(r) {
		second := rune(utf8.RuneError)
		if strings.HasPrefix(rest, `\u`) {
			second = hexRune(rest)
		}
		if pair := utf16.DecodeRune(r, second); pair != utf8.RuneError {
			return utf8.AppendRune(b, pair), rest[6:]
		}
		r = utf8.RuneError
	}
	return utf8.AppendRune(b, r), rest
}

// hexRune returns what \uXXXX at the start of text names.
func hexRune(text string) rune {
	n, _ := strconv.ParseUint(text[2:6], 16, 16) // checked by skipEscape
	return rune(n)
}

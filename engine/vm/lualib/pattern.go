package lualib

import (
	"errors"
	"fmt"
	"strings"
)

const (
	maxCaptures = 32      // as in Lua 5.1
	maxDepth    = 5000    // nested match calls; a pattern cannot exhaust the Go stack
	pollEvery   = 1 << 12 // steps between two looks at whether the script has been stopped
)

// A capture is a span of the subject. Its length is unfinished while its parenthesis is open, and position for "()".
type capture struct{ start, length int }

const (
	unfinished = -1
	position   = -2
)

// matcher matches one Lua 5.1 pattern against one subject by backtracking. gopher-lua's own matcher cannot be
// interrupted, and a pattern such as "a*a*a*a*b" keeps it busy for years; this one polls as it goes.
type matcher struct {
	subject, pattern string
	captures         [maxCaptures]capture
	whole            bool // the match must reach the subject's end
	level            int  // captures in use
	depth, steps     int
	poll             func() error // called now and then; an error ends the match
}

// patternError ends a match from deep inside; run turns it into an error.
type patternError struct{ err error }

func (m *matcher) fail(format string, args ...any) { panic(patternError{fmt.Errorf(format, args...)}) }

func (m *matcher) step() {
	if m.steps++; m.steps%pollEvery == 0 && m.poll != nil {
		if err := m.poll(); err != nil {
			panic(patternError{err})
		}
	}
}

// run matches the pattern from its p-th byte at s and returns the end of the match, or -1.
func (m *matcher) run(s, p int) (end int, err error) {
	defer func() {
		if r := recover(); r != nil {
			failure, ok := r.(patternError)
			if !ok {
				panic(r)
			}
			end, err = -1, failure.err
		}
	}()
	m.level, m.depth = 0, 0
	return m.match(s, p), nil
}

// find looks for the first match at or after init. Where the pattern begins with "^", only init counts.
func (m *matcher) find(init int) (start, end int, err error) {
	p, anchored := 0, strings.HasPrefix(m.pattern, "^")
	if anchored {
		p = 1
	}
	for s := init; s <= len(m.subject); s++ {
		end, err := m.run(s, p)
		if err != nil || end >= 0 {
			return s, end, err
		}
		if anchored {
			break
		}
	}
	return -1, -1, nil
}

// match matches pattern[p:] at s.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxDepth {
		m.fail("pattern too complex")
	}
	end := m.walk(s, p)
	m.depth--
	return end
}

// walk is the heart: it goes along the pattern, and calls match only where it may have to come back.
func (m *matcher) walk(s, p int) int {
	for p < len(m.pattern) {
		m.step()
		switch c := m.pattern[p]; {
		case c == '(':
			return m.open(s, p)
		case c == ')':
			return m.close(s, p)
		case c == '$' && p+1 == len(m.pattern):
			if s == len(m.subject) {
				return s
			}
			return -1
		case c == '%' && p+1 < len(m.pattern) && m.pattern[p+1] == 'b':
			if s = m.balanced(s, p+2); s < 0 {
				return -1
			}
			p += 4
			continue
		case c == '%' && p+1 < len(m.pattern) && m.pattern[p+1] == 'f':
			if p = m.frontier(s, p+2); p < 0 {
				return -1
			}
			continue
		case c == '%' && p+1 < len(m.pattern) && isDigit(m.pattern[p+1]):
			text, ok := m.back(m.pattern[p+1])
			if !ok || !strings.HasPrefix(m.subject[s:], text) {
				return -1
			}
			s, p = s+len(text), p+2
			continue
		}
		end := m.itemEnd(p)
		suffix := byte(0)
		if end < len(m.pattern) {
			suffix = m.pattern[end]
		}
		switch suffix {
		case '?':
			if m.single(s, p, end) {
				if result := m.match(s+1, end+1); result >= 0 {
					return result
				}
			}
			p = end + 1
		case '+', '*':
			return m.greedy(s, p, end, suffix == '+')
		case '-':
			return m.lazy(s, p, end)
		default:
			if !m.single(s, p, end) {
				return -1
			}
			s, p = s+1, end
		}
	}
	if m.whole && s != len(m.subject) {
		return -1
	}
	return s
}

// frontier matches "%f[set]" between two bytes, of which the second alone is in the set. It returns where the pattern goes on, or -1.
func (m *matcher) frontier(s, set int) int {
	if set >= len(m.pattern) || m.pattern[set] != '[' {
		m.fail("missing '[' after '%%f' in pattern")
	}
	end := m.itemEnd(set)
	if m.inSet(m.byteAt(s-1), set, end-1) || !m.inSet(m.byteAt(s), set, end-1) {
		return -1
	}
	return end
}

// byteAt returns the subject's byte at i, and 0 before its begin and after its end, as "%f" wants it.
func (m *matcher) byteAt(i int) byte {
	if i < 0 || i >= len(m.subject) {
		return 0
	}
	return m.subject[i]
}

// greedy matches as many of pattern[p:end] as it can, then fewer.
func (m *matcher) greedy(s, p, end int, atLeastOne bool) int {
	n := 0
	for m.single(s+n, p, end) {
		m.step()
		n++
	}
	least := 0
	if atLeastOne {
		least = 1
	}
	for ; n >= least; n-- {
		if result := m.match(s+n, end+1); result >= 0 {
			return result
		}
	}
	return -1
}

// lazy matches as few of pattern[p:end] as it can, then more.
func (m *matcher) lazy(s, p, end int) int {
	for {
		m.step()
		if result := m.match(s, end+1); result >= 0 {
			return result
		}
		if !m.single(s, p, end) {
			return -1
		}
		s++
	}
}

// open begins a capture; what it noted is undone when the rest does not match.
func (m *matcher) open(s, p int) int {
	if m.level >= maxCaptures {
		m.fail("too many captures in pattern")
	}
	m.captures[m.level] = capture{s, unfinished}
	p++
	if p < len(m.pattern) && m.pattern[p] == ')' {
		m.captures[m.level].length = position
		p++
	}
	m.level++
	result := m.match(s, p)
	if result < 0 {
		m.level--
	}
	return result
}

func (m *matcher) close(s, p int) int {
	for i := m.level - 1; i >= 0; i-- {
		if m.captures[i].length == unfinished {
			m.captures[i].length = s - m.captures[i].start
			result := m.match(s, p+1)
			if result < 0 {
				m.captures[i].length = unfinished
			}
			return result
		}
	}
	m.fail("')' without '(' in pattern")
	return -1
}

// back returns the text of capture %1 to %9; a position has none, and matches nothing.
func (m *matcher) back(digit byte) (text string, ok bool) {
	i := int(digit - '1')
	if i < 0 || i >= m.level || m.captures[i].length == unfinished {
		m.fail("capture %%%c is used in the pattern before it is complete", digit)
	}
	c := m.captures[i]
	if c.length == position {
		return "", false
	}
	return m.subject[c.start : c.start+c.length], true
}

// balanced matches "%bxy": from an x at s to the y that balances it.
func (m *matcher) balanced(s, p int) int {
	if p+1 >= len(m.pattern) {
		m.fail("'%%b' needs two characters in pattern")
	}
	if s >= len(m.subject) || m.subject[s] != m.pattern[p] {
		return -1
	}
	open, shut, nesting := m.pattern[p], m.pattern[p+1], 1
	for i := s + 1; i < len(m.subject); i++ {
		m.step()
		switch m.subject[i] {
		case shut:
			if nesting--; nesting == 0 {
				return i + 1
			}
		case open:
			nesting++
		}
	}
	return -1
}

// itemEnd returns where the single-character item that begins at p ends.
func (m *matcher) itemEnd(p int) int {
	c := m.pattern[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pattern) {
			m.fail("pattern ends with '%%'")
		}
		return p + 1
	case '[':
		if p < len(m.pattern) && m.pattern[p] == '^' {
			p++
		}
		for first := true; first || p >= len(m.pattern) || m.pattern[p] != ']'; first = false {
			if p >= len(m.pattern) {
				m.fail("missing ']' in pattern")
			}
			if m.pattern[p] == '%' {
				p++
			}
			p++
		}
		return p + 1
	}
	return p
}

// single tells whether the subject's byte at s is one that pattern[p:end] stands for.
func (m *matcher) single(s, p, end int) bool {
	if s >= len(m.subject) {
		return false
	}
	c := m.subject[s]
	switch m.pattern[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pattern[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.pattern[p] == c
}

// inSet tells whether c is in the set whose '[' is at p and whose ']' is at end.
func (m *matcher) inSet(c byte, p, end int) bool {
	member := true
	p++
	if m.pattern[p] == '^' {
		member = false
		p++
	}
	for p < end {
		switch {
		case m.pattern[p] == '%':
			if inClass(c, m.pattern[p+1]) {
				return member
			}
			p += 2
		case p+2 < end && m.pattern[p+1] == '-':
			if m.pattern[p] <= c && c <= m.pattern[p+2] {
				return member
			}
			p += 3
		default:
			if m.pattern[p] == c {
				return member
			}
			p++
		}
	}
	return !member
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// inClass tells whether c is in a class such as %a; an upper-case class letter is the complement, any other character
// stands for itself.
func inClass(c, class byte) bool {
	var member bool
	switch class | 0x20 {
	case 'a':
		member = isLower(c) || isUpper(c)
	case 'c':
		member = c < 0x20 || c == 0x7f
	case 'd':
		member = isDigit(c)
	case 'l':
		member = isLower(c)
	case 'p':
		member = c > 0x20 && c < 0x7f && !isLower(c) && !isUpper(c) && !isDigit(c)
	case 's':
		member = c == ' ' || c >= '\t' && c <= '\r'
	case 'u':
		member = isUpper(c)
	case 'w':
		member = isLower(c) || isUpper(c) || isDigit(c)
	case 'x':
		member = isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
	case 'z':
		member = c == 0
	default:
		return c == class
	}
	return member != isUpper(class)
}

// maxSteps bounds MatchAll, which nobody can stop: well under a second.
const maxSteps = 1 << 24

// MatchAll tells whether the Lua pattern describes the whole of text. A broken pattern is an error.
func MatchAll(pattern, text string) (bool, error) {
	m := &matcher{subject: text, pattern: strings.TrimPrefix(pattern, "^"), whole: true}
	m.poll = func() error {
		if m.steps > maxSteps {
			return errors.New("pattern too complex")
		}
		return nil
	}
	end, err := m.run(0, 0)
	return end >= 0, err
}

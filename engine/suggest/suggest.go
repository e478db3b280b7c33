// Package suggest finds the names a person may have meant: the "did you mean"
// of error messages about fields, commands, methods and modules.
package suggest

import (
	"cmp"
	"slices"
	"strings"
)

// Near returns the candidates closest to word, best first and at most limit of
// them; none when nothing is close. Case and the separators "-", "_", "." and
// space do not count as differences. A candidate is close when it can be
// reached by editing about a third of the word (a swap of two neighbouring
// letters is one edit); failing that, when it contains the word or the word
// contains it. Candidates equal to the word, empty or given twice are left out.
func Near(word string, candidates []string, limit int) []string {
	type match struct {
		name     string
		distance int
	}
	target := fold(word)
	if len(target) == 0 || limit <= 0 {
		return nil
	}
	var edits, parts []match
	seen := map[string]bool{word: true}
	for _, name := range candidates {
		folded := fold(name)
		if seen[name] || len(folded) == 0 {
			continue
		}
		seen[name] = true
		d := distance(target, folded)
		if d <= max(1, max(len(target), len(folded))/3) {
			edits = append(edits, match{name, d})
		} else if contains(target, folded) {
			parts = append(parts, match{name, d})
		}
	}
	found := edits
	if len(found) == 0 {
		found = parts
	}
	slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(a.distance, b.distance) })
	names := make([]string, 0, limit)
	for _, m := range found[:min(limit, len(found))] {
		names = append(names, m.name)
	}
	return names
}

// Hint is the sentence for an error message: `did you mean "a" or "b"?` with
// the (at most three) candidates closest to word, or "" when none is close.
func Hint(word string, candidates []string) string {
	names := Near(word, candidates, 3)
	if len(names) == 0 {
		return ""
	}
	return `did you mean "` + strings.Join(names, `" or "`) + `"?`
}

// fold lowers the case and drops separators, so that "Upload-Files" and
// "upload_files" are the same word.
func fold(s string) []rune {
	return []rune(strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(s)))
}

// contains tells whether one word is a part of the other; parts of one or two
// letters say nothing.
func contains(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 3 && strings.Contains(string(b), string(a))
}

// distance is the number of insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Package redact takes known secrets out of whatever a run prints or writes. It is the last line of defence: secrets are
// rucio.Secret wherever our own code holds them, but a task's author may print a kwarg that came from a secret variable.
package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"sort"
	"strings"
	"sync"
)

// Mark is what stands where a secret was.
const Mark = "[redacted]"

// minLength keeps short, common values ("yes", "1") from turning every output into marks.
const minLength = 4

// Redactor knows the secrets of a run. Its zero value is ready; it is safe for concurrent use.
type Redactor struct {
	mu       sync.RWMutex
	known    map[string]bool
	replacer *strings.Replacer
}

// Add makes s a secret, also in the forms in which it may turn up: URL-encoded, JSON-escaped, in base64, and each line of a
// multi-line value such as a key. Values of fewer than four characters are ignored.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]bool{}
	}
	for _, s := range secrets {
		for _, form := range forms(s) {
			if len(form) >= minLength {
				r.known[form] = true
			}
		}
	}
	r.replacer = newReplacer(r.known)
}

func forms(s string) []string {
	all := []string{s, strings.TrimSpace(s), url.QueryEscape(s), url.PathEscape(s)}
	if j, err := json.Marshal(s); err == nil {
		all = append(all, strings.Trim(string(j), `"`))
	}
	all = append(all, base64Forms(s)...)
	if lines := strings.Split(s, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= 16 {
				all = append(all, line)
			}
		}
	}
	return all
}

// minEncoded is how long a secret must be for its base64 forms to be looked for: those of short ones could be anything.
const minEncoded = 8

// base64Forms returns what all base64 texts have in common in which s stands, at whatever place: "Authorization: Basic ..." has
// a password after a name. The first and the last bits may be shared with what stands beside s, and are left out.
func base64Forms(s string) (all []string) {
	if len(s) < minEncoded {
		return nil
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before, shared := range []int{0, 2, 3} { // bytes before s, and the signs that they have a part in
			text := encoding.EncodeToString(append(make([]byte, before), s...))
			if (before+len(s))%3 != 0 {
				text = text[:len(text)-1]
			}
			all = append(all, text[shared:])
		}
	}
	return all
}

// newReplacer puts longer secrets first, so that one which contains another is replaced whole.
func newReplacer(known map[string]bool) *strings.Replacer {
	all := make([]string, 0, len(known))
	for s := range known {
		all = append(all, s)
	}
	sort.Slice(all, func(i, j int) bool {
		if len(all[i]) != len(all[j]) {
			return len(all[i]) > len(all[j])
		}
		return all[i] < all[j]
	})
	pairs := make([]string, 0, 2*len(all))
	for _, s := range all {
		pairs = append(pairs, s, Mark)
	}
	return strings.NewReplacer(pairs...)
}

// String returns s without secrets.
func (r *Redactor) String(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.replacer == nil {
		return s
	}
	return r.replacer.Replace(s)
}

// Writer returns a writer that redacts what passes through it to w, line by line: a secret is found also when it
// arrives in several writes, unless a line end divides it. Close writes what is left of an unfinished line.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser { return &writer{r: r, w: w} }

type writer struct {
	mu   sync.Mutex
	r    *Redactor
	w    io.Writer
	rest bytes.Buffer
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	end := bytes.LastIndexByte(p, '\n') + 1
	if end == 0 {
		return w.rest.Write(p)
	}
	w.rest.Write(p[:end])
	_, err := io.WriteString(w.w, w.r.String(w.rest.String()))
	w.rest.Reset()
	w.rest.Write(p[end:])
	return len(p), err
}

func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rest.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w.w, w.r.String(w.rest.String()))
	w.rest.Reset()
	return err
}

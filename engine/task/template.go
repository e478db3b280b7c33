package task

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// Bounds of one rendering; a template that exceeds them is broken or hostile.
const (
	maxTags  = 10_000  // tags and outputs in a text
	maxSize  = 1_000   // tokens within one of them
	maxDepth = 1_000   // tags within tags while rendering, as in a macro that calls itself
	maxSteps = 100_000 // tags and outputs rendered, loops included
)

// templater renders the Jinja templates of one source. It does not put values into the text: where an output {{ }} stood
// it leaves a placeholder that no value can contain, since it holds a random number, and fill replaces the placeholders
// in the scalars of the parsed YAML. That is why a value can never change the structure of a document.
//
// The Jinja library prints outputs and plain text alike. To tell them apart, every output is handed to it as a tag of our
// own ({{ X }} as {% =output X %}, see rewrite); a tag's code is ours.
type templater struct {
	ctx    context.Context
	env    func(string) (string, bool)
	limit  int64 // bytes of one rendered text
	secret func(string)

	nonce   string
	mark    *regexp.Regexp
	outputs []output
	missing []missing
	tainted map[string]bool          // variables of the template that hold (parts of) secrets
	sources map[*tokens.Token]string // the text of a tag, by its first token
	setup   *exec.Environment

	depth, steps int
	failed       *templateError // the first error of the rendering at hand
}

// output is what one rendered {{ }} gave.
type output struct {
	text   string
	data   any // a list or map, when the output was one; else nil
	isData bool
	used   bool // a scalar or an expression took it: it was not in a comment
}

// missing is a variable that is not set.
type missing struct {
	name         string
	line, column int
	output       int // in whose expression, or -1 for a tag's
}

// templateError is a fault of a template; line and column count from its first character.
type templateError struct {
	line, column int
	message      string
}

func (e *templateError) Error() string { return e.message }

func newTemplater(ctx context.Context, env func(string) (string, bool), limit int64, secret func(string)) *templater {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		panic("no random numbers: " + err.Error()) // crypto/rand does not fail on the systems we know
	}
	t := &templater{ctx: ctx, env: env, limit: limit, secret: secret, nonce: n.String(), tainted: map[string]bool{}, sources: map[*tokens.Token]string{}}
	// Private use characters: no digits, quotes or indicators of YAML, so that a scalar with them stays what it is.
	t.mark = regexp.MustCompile("\uE000" + t.nonce + "([vl])([0-9]+)\uE001")
	t.setup = &exec.Environment{
		Filters:           t.filters(),
		ControlStructures: t.tags(),
		Tests:             builtins.Tests,
		Methods:           methods(),
	}
	return t
}

// placeholder stands for output i ("v") or for the start of a text from source line i ("l").
func (t *templater) placeholder(kind string, i int) string {
	return "\uE000" + t.nonce + kind + strconv.Itoa(i) + "\uE001"
}

// hasTemplate tells whether a text has anything that Jinja would look at.
func hasTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%") || strings.Contains(text, "{#")
}

// render renders one template with placeholders for its outputs, and with line marks when lines is true (see unmark).
func (t *templater) render(text string, lines bool) (out string, err error) {
	defer func() {
		if r := recover(); r != nil { // the library panics on some odd templates
			err = &templateError{message: "cannot be rendered"}
		}
	}()
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n") // as the library does; positions must fit
	cfg := config.New()
	cfg.KeepTrailingNewline = true
	list, names, err := t.rewrite(tokens.LexAll(text, cfg), text, lines)
	if err != nil {
		return "", err
	}
	loader := loaders.MustNewMemoryLoader(map[string]string{"/empty": ""})
	root, err := parser.NewParser("/empty", tokens.NewStream(list), cfg, loader, t.setup.ControlStructures).Parse()
	if err != nil {
		return "", syntaxError(err)
	}
	empty, err := exec.NewTemplate("/empty", cfg, loader, t.setup)
	if err != nil {
		return "", fmt.Errorf("prepare the template: %w", err)
	}
	environment := *t.setup
	environment.Context = exec.NewContext(t.variables(names))
	buffer := &limited{limit: t.limit}
	r := &exec.Renderer{Config: cfg, Environment: &environment, Loader: loader, Template: empty, RootNode: root, Output: buffer}
	environment.Context.Set("self", exec.Self(r))
	t.depth, t.steps, t.failed = 0, 0, nil
	if err := r.Execute(); err != nil {
		return "", asTemplateError(err)
	}
	return buffer.String(), nil
}

// variables looks up the names that a template mentions, and adds Jinja's functions.
func (t *templater) variables(names []string) map[string]any {
	vars := map[string]any{"range": boundedRange, "dict": dict, "none": nil}
	for _, name := range []string{"cycler", "joiner", "namespace"} {
		vars[name], _ = builtins.GlobalFunctions.Get(name)
	}
	for _, name := range names {
		if value, ok := t.env(name); ok {
			vars[name] = value
			if isSecretName(name) {
				t.keepSecret(value)
			}
		}
	}
	return vars
}

// dict is Jinja's dict(a=1, b=2).
func dict(_ *exec.Evaluator, params *exec.VarArgs) map[string]any {
	m := map[string]any{}
	for key, value := range params.KwArgs {
		m[key] = value.Interface()
	}
	return m
}

// boundedRange is Jinja's range(), which may not exhaust memory.
func boundedRange(_ *exec.Evaluator, params *exec.VarArgs) (*exec.Value, error) {
	start, stop, step := 0, 0, 1
	bounds := [][]*int{1: {&stop}, 2: {&start, &stop}, 3: {&start, &stop, &step}}
	if n := len(params.Args); n < 1 || n > 3 {
		return nil, errors.New("range takes one to three numbers")
	}
	for i, arg := range params.Args {
		if !arg.IsInteger() {
			return nil, errors.New("range takes whole numbers; make one of text by | int")
		}
		*bounds[len(params.Args)][i] = arg.Integer()
	}
	if step == 0 {
		return nil, errors.New("the step of a range cannot be 0")
	}
	list := []int{}
	for i := start; (step > 0 && i < stop) || (step < 0 && i > stop); i += step {
		if len(list) == maxSteps {
			return nil, fmt.Errorf("range gives more than %d numbers", maxSteps)
		}
		list = append(list, i)
	}
	return exec.AsValue(list), nil
}

// flatten puts values in the place of placeholders, and drops line marks.
func (t *templater) flatten(text string) string {
	if !strings.Contains(text, "\uE000") {
		return text
	}
	return t.mark.ReplaceAllStringFunc(text, func(mark string) string {
		m := t.mark.FindStringSubmatch(mark)
		i, err := strconv.Atoi(m[2])
		if m[1] == "l" || err != nil || i >= len(t.outputs) {
			return ""
		}
		t.outputs[i].used = true
		return t.outputs[i].text
	})
}

// unmark takes the line marks out of a rendered text. It returns the text and, for each of its lines, the line of the
// template from which it came.
func (t *templater) unmark(text string) (string, []int) {
	var clean strings.Builder
	lines := []int{1}
	line, blank := 1, true
	copyText := func(s string) {
		for i, part := range strings.Split(s, "\n") {
			if i > 0 {
				line++
				lines, blank = append(lines, line), true
				clean.WriteByte('\n')
			}
			blank = blank && strings.TrimSpace(part) == ""
			clean.WriteString(part)
		}
	}
	for at := t.mark.FindStringSubmatchIndex(text); at != nil; at = t.mark.FindStringSubmatchIndex(text) {
		copyText(text[:at[0]])
		if text[at[2]:at[3]] == "v" {
			clean.WriteString(text[at[0]:at[1]])
			blank = false
		} else if n, err := strconv.Atoi(text[at[4]:at[5]]); err == nil {
			line = n
			if blank { // what stands on this line comes from there
				lines[len(lines)-1] = n
			}
		}
		text = text[at[1]:]
	}
	copyText(text)
	return clean.String(), lines
}

// limited is a buffer that refuses to grow beyond its limit.
type limited struct {
	strings.Builder
	limit int64
}

// Write appends p, or fails when the buffer would be too large.
func (l *limited) Write(p []byte) (int, error) {
	if int64(l.Len()+len(p)) > l.limit {
		return 0, &templateError{message: fmt.Sprintf("the rendered text is larger than %d bytes", l.limit)}
	}
	return l.Builder.Write(p)
}

// WriteString is Write for a string.
func (l *limited) WriteString(s string) (int, error) { return l.Write([]byte(s)) }

func asTemplateError(err error) *templateError {
	var at *templateError
	if errors.As(err, &at) {
		return at
	}
	return &templateError{message: plainWords(err.Error())}
}

// syntaxError makes the library's error readable.
func syntaxError(err error) error {
	var at *parser.SyntaxError
	if !errors.As(err, &at) {
		return asTemplateError(err)
	}
	return &templateError{line: at.Line, column: at.Column, message: plainWords(at.Message)}
}

var (
	unknownTag = regexp.MustCompile(`ControlStructure '([^']*)' not found \(or beginning not provided\)`)
	openTag    = regexp.MustCompile(`Unexpected EOF, expected tag (.*[^.])\.?`)
)

// plainWords rewords what the library calls control structures; Jinja calls them tags.
func plainWords(message string) string {
	message = unknownTag.ReplaceAllString(message, `there is no tag "$1", or nothing that it could close`)
	message = openTag.ReplaceAllString(message, `expected $1 before the end`)
	message = strings.TrimSuffix(strings.ReplaceAll(message, "controlStructure", "tag"), ".")
	for strings.HasPrefix(message, "invalid call to ") && strings.Contains(message, ": ") {
		_, message, _ = strings.Cut(message, ": ")
	}
	message = strings.Join(strings.Fields(message), " ")
	if message == "" {
		return "cannot be rendered"
	}
	return strings.ToValidUTF8(strings.ToLower(message[:1])+message[1:min(len(message), 300)], "")
}

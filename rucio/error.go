package rucio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// maxErrorBody bounds what is read of the body of a failed request, in bytes.
const maxErrorBody = 1 << 20

// maxErrorText bounds what an error shows of a body that Rucio did not write, in bytes.
const maxErrorText = 300

// Error is a failed call: an exception that the server sent, or one that the Python client would have raised. Compare it
// by class with errors.Is(err, rucio.ErrRuleNotFound); the cause of a failed connection is found with errors.Is as well.
type Error struct {
	Class   string // Rucio's exception class ("DataIdentifierNotFound"), or Python's ("ValueError"); never empty
	Message string // the server's words; may hold several lines
	Status  int    // HTTP status; 0 when there was no answer
	Method  string // Python's name of the method: "get_did"
	Verb    string // HTTP verb; empty when nothing was sent
	URL     string // without secrets; empty when nothing was sent
	Body    []byte // what the server sent, at most 1 MiB
	Err     error  // the cause on this side, if any: a network error, context.Canceled, io.ErrUnexpectedEOF
}

// Error says what was attempted and what came of it, in one line unless the server's message has several.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Method != "" {
		b.WriteString(e.Method + ": ")
	}
	b.WriteString(e.Class)
	if e.Message != "" {
		message, _, _ := strings.Cut(e.Message, "\n\nFailed validating ") // what follows is the schema that was not met
		b.WriteString(": " + message)
	}
	switch {
	case e.Status != 0:
		fmt.Fprintf(&b, " (HTTP %d from %s %s)", e.Status, e.Verb, e.URL)
	case e.URL != "":
		fmt.Fprintf(&b, " (%s %s)", e.Verb, e.URL)
	}
	return b.String()
}

// Is matches exception classes and their families.
func (e *Error) Is(target error) bool {
	class, ok := target.(Exception)
	return ok && Exception(e.Class).Belongs(class)
}

// Unwrap returns the cause on this side.
func (e *Error) Unwrap() error { return e.Err }

// argumentError is the error of a call that is refused before anything is sent, with Python's class.
func argumentError(method string, class Exception, format string, args ...any) *Error {
	return &Error{Class: string(class), Message: fmt.Sprintf(format, args...), Method: method}
}

// ResponseError reads a failed answer of a Rucio server into an *Error and closes its body. method is the Python name of
// what was attempted. The body's exception wins over the headers', which the server cuts at 125 characters.
func ResponseError(method string, resp *http.Response) *Error {
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // a cut error message is better than none
	e := &Error{Status: resp.StatusCode, Method: method, Body: body}
	if resp.Request != nil {
		e.Verb, e.URL = resp.Request.Method, resp.Request.URL.Redacted()
	}
	e.Class, e.Message = exceptionOf(resp.Header, body)
	if e.Class == "" {
		e.Class, e.Message = string(ErrRucioException), plainText(resp.Header, body)
	}
	if e.Message == "" {
		e.Message = "the server gave no reason: " + http.StatusText(resp.StatusCode)
	}
	return e
}

// exceptionOf finds Rucio's exception in the body or else in the headers; the class is empty when there is none.
func exceptionOf(header http.Header, body []byte) (class, message string) {
	var sent struct{ ExceptionClass, ExceptionMessage any }
	if json.Unmarshal(body, &sent) == nil && sent.ExceptionClass != nil {
		class, message = asText(sent.ExceptionClass), asText(sent.ExceptionMessage)
	}
	if class == "" {
		class = header.Get("ExceptionClass")
	}
	if message == "" && class != "" {
		message = header.Get("ExceptionMessage")
	}
	if message == "None" { // what the server makes of an exception without words
		message = ""
	}
	return class, message
}

// asText shows a JSON value that should have been a string.
func asText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// plainText makes one readable line of a body that Rucio did not write, such as a proxy's error page.
func plainText(header http.Header, body []byte) string {
	s := string(body)
	if isHTML(header, body) {
		s = pageText(s)
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if len(s) > maxErrorText {
		s = strings.ToValidUTF8(s[:maxErrorText], "") + " ..."
	}
	return s
}

// pageText is the title of a page, or else its text.
func pageText(page string) string {
	title := regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`).FindStringSubmatch(page)
	if title != nil && strings.TrimSpace(title[1]) != "" {
		return html.UnescapeString(title[1])
	}
	noise := regexp.MustCompile(`(?is)<(script|style|head)\b.*?</(script|style|head)>|<[^>]*>`)
	return html.UnescapeString(noise.ReplaceAllString(page, " "))
}

// isHTML tells a page for browsers from an answer of Rucio, which labels much of its JSON text/html.
func isHTML(header http.Header, body []byte) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "text/html") && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

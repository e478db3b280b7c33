package cli

import (
	"encoding/json"
	"fmt"
	"io"
)

// objects prints what a command found, one object at a time: as a JSON array, as lines, or not at all (text).
type objects struct {
	p      *program
	w      io.Writer
	format string
	n      int
}

func newObjects(p *program, format string) *objects {
	return &objects{p: p, w: p.Stdout, format: format}
}

// text tells whether people are to read the answer, so that the command prints it itself.
func (o *objects) text() bool { return o.format == "text" }

// add prints an object.
func (o *objects) add(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	before := ""
	if o.format == "json" {
		before = ",\n "
		if o.n == 0 {
			before = "["
		}
	}
	o.n++
	after := "\n"
	if o.format == "json" {
		after = ""
	}
	_, err = fmt.Fprintf(o.w, "%s%s%s", before, data, after)
	return err
}

// end ends an array.
func (o *objects) end() error {
	if o.format != "json" {
		return nil
	}
	text := "]\n"
	if o.n == 0 {
		text = "[]\n"
	}
	o.p.format = "" // the answer is one document, and whole: of an error standard error and the exit code tell
	_, err := io.WriteString(o.w, text)
	return err
}

// endWith ends an array after which a command ends with err. Without any object, the error is all there is.
func (o *objects) endWith(err error) error {
	if err != nil && o.n == 0 {
		return err
	}
	if failed := o.end(); failed != nil && err == nil {
		return failed
	}
	return err
}

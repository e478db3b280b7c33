package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// junit writes JUnit's XML, as CI systems read it: a testsuite of the run, a testcase per task. A failed check is a failure,
// whatever else went wrong an error. Times are seconds.
type junit struct {
	silent
	w io.Writer
}

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *junitProblem `xml:"skipped"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// End implements Reporter.
func (j *junit) End(s Summary) error {
	suite := junitSuite{Name: "rucio-task-manager", Time: junitTime(s.Duration), Timestamp: s.Started.UTC().Format("2006-01-02T15:04:05")}
	for _, r := range s.Results {
		c := junitCase{Name: clean(r.Task), Class: clean(r.Module + "." + r.Class), File: clean(r.File), Time: junitTime(r.Duration)}
		problem := &junitProblem{Message: clean(r.Reason), Type: r.Code.String(), Text: clean(details(r))}
		suite.Tests++
		switch {
		case r.Status == Failed && r.Code == fail.Check:
			c.Failure = problem
			suite.Failures++
		case r.Status == Failed:
			c.Error = problem
			suite.Errors++
		case r.Status != Passed:
			c.Skipped = &junitProblem{Message: clean(firstOf(r.Reason, string(r.Status)))}
			suite.Skipped++
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(j.w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(j.w)
	enc.Indent("", "  ")
	if err := enc.Encode(junitSuites{Suite: suite}); err != nil {
		return err
	}
	_, err := io.WriteString(j.w, "\n")
	return err
}

// details is what stands inside a failure: failed checks, the traceback, the hint.
func details(r Result) string {
	var b strings.Builder
	for _, c := range failed(r.Checks) {
		fmt.Fprintf(&b, "check failed: %s: %s\n", c.Name, c.Detail)
	}
	if r.Traceback != "" {
		b.WriteString(r.Traceback + "\n")
	}
	if r.Hint != "" {
		b.WriteString("hint: " + r.Hint + "\n")
	}
	return b.String()
}

func failed(checks []Check) []Check {
	var all []Check
	for _, c := range checks {
		if !c.OK {
			all = append(all, c)
		}
	}
	return all
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }

// clean drops what XML 1.0 cannot hold, such as a terminal's escape codes.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, s)
}

func firstOf(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

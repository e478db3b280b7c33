// Package report holds what a run tells: the events and results of tasks, and the reporters that print or write them.
// It is a leaf: runners fill it, reporters read it.
package report

import (
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// Status is how a task ended.
type Status string

// The ends of a task.
const (
	Passed   Status = "passed"
	Failed   Status = "failed"  // ended with an error, or one of its checks failed
	Skipped  Status = "skipped" // task.skip, or --fail-fast after an earlier failure
	Disabled Status = "disabled"
)

// Check is one named assertion of a task (task.check, task.fail).
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // why it failed
}

// Metric is one measurement of a task (metric.counter, gauge, trend).
type Metric struct {
	Name  string            `json:"name"`
	Kind  string            `json:"kind"` // "counter", "gauge", "trend"
	Value float64           `json:"value"`
	Unit  string            `json:"unit,omitempty"`
	Tags  map[string]string `json:"tags,omitempty"`
}

// Result is how one task went.
type Result struct {
	Task        string        `json:"task"`
	Module      string        `json:"module"`
	Class       string        `json:"class"`
	File        string        `json:"file,omitempty"`
	Description string        `json:"description,omitempty"`
	Status      Status        `json:"status"`
	Code        fail.Code     `json:"code"`
	Reason      string        `json:"reason,omitempty"` // one line: the error, the failed check, why it was skipped
	Hint        string        `json:"hint,omitempty"`
	Traceback   string        `json:"traceback,omitempty"` // Lua's, with file:line
	Started     time.Time     `json:"started"`
	Duration    time.Duration `json:"-"`
	Checks      []Check       `json:"checks,omitempty"`
	Metrics     []Metric      `json:"metrics,omitempty"`
	Documents   int           `json:"documents,omitempty"` // emitted
	Spooled     int           `json:"spooled,omitempty"`   // of those, kept on disk for later
	Value       any           `json:"value,omitempty"`     // what run returned beyond true, false and nil
	Attempts    int           `json:"attempts,omitempty"`  // how often it was started, when more than once
}

// Summary is a whole run.
type Summary struct {
	Started  time.Time
	Duration time.Duration
	Results  []Result
	Code     fail.Code // the gravest of the results' codes
}

// Reporter is told what happens. Calls come from one goroutine at a time.
type Reporter interface {
	// Start is called once, before the first task, with the number of tasks.
	Start(total int) error
	// TaskStart is called as a task begins.
	TaskStart(name, module, class string) error
	// TaskEnd is called with a task's result, in the order in which tasks end.
	TaskEnd(Result) error
	// End is called once, after the last task.
	End(Summary) error
}

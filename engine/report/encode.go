package report

import (
	"encoding/json"
	"math"
	"time"
)

// seconds rounds to microseconds: finer digits are noise.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e6 }

// MarshalJSON adds the duration, in seconds, and the name of the exit code.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	return json.Marshal(struct {
		plain
		CodeName string  `json:"code_name"`
		Duration float64 `json:"duration"`
	}{plain(r), r.Code.String(), seconds(r.Duration)})
}

// MarshalJSON writes a summary with its durations in seconds, its counts by status, and all results.
func (s Summary) MarshalJSON() ([]byte, error) {
	counts := s.Counts()
	results := s.Results
	if results == nil {
		results = []Result{}
	}
	return json.Marshal(struct {
		Started  time.Time      `json:"started"`
		Duration float64        `json:"duration"`
		Code     int            `json:"code"`
		CodeName string         `json:"code_name"`
		Counts   map[Status]int `json:"counts"`
		Results  []Result       `json:"results"`
	}{s.Started, seconds(s.Duration), int(s.Code), s.Code.String(), counts, results})
}

// Counts tells how many tasks ended in each way; each status has an entry.
func (s Summary) Counts() map[Status]int {
	counts := map[Status]int{Passed: 0, Failed: 0, Skipped: 0, Disabled: 0}
	for _, r := range s.Results {
		counts[r.Status]++
	}
	return counts
}

package bind

import (
	"errors"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
)

// metricOptions ends the documentation of the functions that measure.
const metricOptions = " Options: unit (s, bytes, ...), tags (a table of names and values)."

var metricModule = module{
	name: "metric",
	doc:  "Measurements of the task, for its report and whatever collects it.",
	functions: []function{
		{
			name: "counter", signature: "(name [, value [, options]])",
			doc:     "Adds to a count, by default 1." + metricOptions,
			example: `metric.counter("uploads", 1, { tags = { rse = "XRD1" } })`,
			call:    func(c *call) int { return record(c, "counter") },
		},
		{
			name: "gauge", signature: "(name, value [, options])",
			doc:     "Tells how much there is now." + metricOptions,
			example: `metric.gauge("free", 10e12, { unit = "bytes" })`,
			call:    func(c *call) int { return record(c, "gauge") },
		},
		{
			name: "trend", signature: "(name, value [, options])",
			doc:     "Adds a value to a series, of which the distribution matters." + metricOptions,
			example: `metric.trend("upload duration", 1.5, { unit = "s" })`,
			call:    func(c *call) int { return record(c, "trend") },
		},
	},
}

func record(c *call, kind string) int {
	m := report.Metric{Name: c.str(1, "name"), Kind: kind}
	if kind == "counter" {
		if m.Value = c.optNum(2, "value", 1); m.Value < 0 {
			c.wrong("value", "a number from 0 on", c.Get(2))
		}
	} else {
		m.Value = c.num(2, "value")
	}
	o := c.options(3)
	m.Unit = o.str("unit", "")
	for name, values := range o.texts("tags") {
		if m.Tags == nil {
			m.Tags = map[string]string{}
		}
		m.Tags[name] = strings.Join(values, ",")
	}
	o.done()
	if m.Name == "" {
		c.raise(errors.New("name must not be empty"))
	}
	if c.host.Record != nil {
		c.host.Record(m)
	}
	return 0
}

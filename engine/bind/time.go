package bind

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ncruces/go-strftime"
	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

var timeModule = module{
	name: "time",
	doc:  "Time as a number: seconds since 1970, with fractions. Texts are in UTC unless they name a zone or the option zone says otherwise.",
	functions: []function{
		{
			name: "now", signature: "() -> seconds",
			doc:     "The time.",
			example: `local started = time.now()`,
			call: func(c *call) int {
				return c.give(seconds(c.host.now()))
			},
		},
		{
			name: "since", signature: "(seconds) -> seconds",
			doc: "How long ago a time was.",
			example: `local started = time.now()
print(time.since(started) < 60)`,
			call: func(c *call) int {
				return c.give(seconds(c.host.now()) - lua.LNumber(c.num(1, "seconds")))
			},
		},
		{
			name: "sleep", signature: "(seconds)",
			doc:     "Waits; a task that is stopped stops waiting.",
			example: `time.sleep(0.1)`,
			call:    timeSleep,
		},
		{
			name: "parse", signature: "(text [, options]) -> seconds",
			doc: "Reads a time: as Rucio writes it (Sat, 01 Jan 2022 10:00:00 UTC), ISO 8601 with or without time, " +
				"fractions and zone, or date math of Elasticsearch (now-24h, now-7d/d, 2026-01-31||+1M; M is months, m " +
				"minutes, /d rounds to the day). Options: layout, as for strftime (%d-%m-%Y); zone (UTC, local, or a " +
				`name such as Europe/Zurich); round = "up", to round date math to the end of its unit, as for lte.`,
			example: `print(time.parse("now-24h") < time.parse("now/d"))
print(time.parse("23-11-2026 04:56", { layout = "%d-%m-%Y %H:%M", zone = "Europe/Zurich" }))`,
			call: timeParse,
		},
		{
			name: "format", signature: "([seconds [, layout [, zone]]]) -> text",
			doc: "Writes a time; without one, the present. Layouts: iso (the default: 2026-11-23T04:56:23.784Z), rucio " +
				"(RFC 1123), date (2026-11-23), or as for strftime.",
			example: `print(time.format(time.now(), "rucio"))
print(time.format(time.parse("now-1d"), "%Y.%m.%d", "local"))`,
			call: timeFormat,
		},
		{
			name: "timer", signature: "() -> timer",
			doc: "Starts a stopwatch, which no change of the clock disturbs.",
			example: `local t = time.timer()
print(t:elapsed() < 60, t:lap() < 60)`,
			call: func(c *call) int { return c.give((&timer{time.Now(), time.Now()}).value(c.LState)) },
		},
		{
			name: "timer:elapsed", signature: "() -> seconds",
			doc: "How long the timer runs.",
		},
		{
			name: "timer:lap", signature: "() -> seconds",
			doc: "How long ago the last lap ended; a new one begins.",
		},
	},
}

// seconds returns a time as a number, to the microsecond.
func seconds(t time.Time) lua.LNumber { return lua.LNumber(t.UnixMicro()) / 1e6 }

// instant is the opposite of seconds.
func instant(seconds float64) time.Time {
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}

// maxInstant is the end of the year 9999, the last that the layouts can write.
const maxInstant = 253402300799

func (c *call) instant(n int, name string) time.Time {
	if !c.given(n) {
		return c.host.now()
	}
	at := c.num(n, name)
	if math.Abs(at) > maxInstant {
		c.wrong(name, "a time in seconds since 1970", c.Get(n))
	}
	return instant(at)
}

func timeSleep(c *call) int {
	wait := c.num(1, "seconds")
	if wait < 0 || wait > maxSeconds {
		c.wrong("seconds", "a number from 0 on", c.Get(1))
	}
	timer := time.NewTimer(duration(wait))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.context().Done():
		c.raise(context.Cause(c.context()))
	}
	return 0
}

func timeParse(c *call) int {
	text := c.str(1, "text")
	o := c.options(2)
	layout, zone, up := o.str("layout", ""), c.zone(o.str("zone", "")), false
	switch round := o.str("round", "down"); round {
	case "up":
		up = true
	case "down":
	default:
		c.wrong("round", `"up" or "down"`, lua.LString(round))
	}
	o.done()
	var t time.Time
	var err error
	if layout != "" {
		t, err = parseLayout(text, layout, zone)
	} else {
		t, err = parseTime(text, c.host.now().In(zone), up)
	}
	c.check(err)
	return c.give(seconds(t))
}

// parseLayout reads a time by a strftime layout.
func parseLayout(text, layout string, zone *time.Location) (time.Time, error) {
	t, err := strftime.Parse(layout, text)
	if err != nil {
		return t, fmt.Errorf("%q does not match the layout %q: %w", text, layout, err)
	}
	if namesZone(layout) {
		return t, nil
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone), nil
}

// namesZone tells whether times of a layout carry their zone.
func namesZone(layout string) bool {
	for i := 0; i+1 < len(layout); i++ {
		if layout[i] != '%' {
			continue
		}
		if i++; layout[i] == 'z' || layout[i] == 'Z' {
			return true
		}
	}
	return false
}

// zone returns the zone of a name; UTC if it is empty.
func (c *call) zone(name string) *time.Location {
	if name == "local" {
		return time.Local
	}
	zone, err := time.LoadLocation(name) // "" and "UTC" are UTC
	if err != nil {
		c.wrong("zone", "UTC, local, or the name of a time zone such as Europe/Zurich", lua.LString(name))
	}
	return zone
}

func timeFormat(c *call) int {
	t, layout := c.instant(1, "seconds"), c.optStr(2, "layout", "iso")
	t = t.In(c.zone(c.optStr(3, "zone", "")))
	var text string
	switch layout {
	case "iso":
		text = t.Format("2006-01-02T15:04:05.000Z07:00")
	case "rucio":
		text = t.UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC")
	case "date":
		text = t.Format(time.DateOnly)
	default:
		text = strftime.Format(layout, t)
		if text == layout {
			c.wrong("layout", "iso, rucio, date, or a layout for strftime such as %Y-%m-%d", lua.LString(layout))
		}
	}
	return c.give(lua.LString(text))
}

// A timer is the object that time.timer returns.
type timer struct{ started, lap time.Time }

func (t *timer) value(L *lua.LState) lua.LValue { return object(L, t, "timer") }

// CrossTo implements vm.Crosser: the other VM has a timer of its own, which goes on from the same start.
func (t *timer) CrossTo(v *vm.VM) (lua.LValue, error) {
	return (&timer{t.started, t.lap}).value(v.State()), nil
}

// Elapsed is timer:elapsed.
func (t *timer) Elapsed(L *luar.LState) int {
	L.Push(lua.LNumber(time.Since(t.started).Seconds()))
	return 1
}

// Lap is timer:lap.
func (t *timer) Lap(L *luar.LState) int {
	now := time.Now()
	L.Push(lua.LNumber(now.Sub(t.lap).Seconds()))
	t.lap = now
	return 1
}

package bind

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

func TestTime(t *testing.T) {
	newLab(t).check(t, []example{
		{`return string.format("%.3f", time.now()), time.since(time.now() - 2.5)`, `1795409783.784 2.5`},
		{`time.sleep(0) time.sleep(0.001)`, ``},
		{`return time.format(), time.format(nil, "date"), time.format(0), time.format(1.5)`,
			`2026-11-23T04:56:23.784Z 2026-11-23 1970-01-01T00:00:00.000Z 1970-01-01T00:00:01.500Z`},
		{`return time.format(0, "rucio"), time.format(0, "%Y.%m.%d %H:%M:%S.%f %j %a %b %%"), time.format(0, "iso", "Europe/Zurich")`,
			`Thu, 01 Jan 1970 00:00:00 UTC 1970.01.01 00:00:00.000000 001 Thu Jan % 1970-01-01T01:00:00.000+01:00`},
		{`return time.format(time.parse("Sat, 01 Jan 2022 10:00:00 UTC"))`, `2022-01-01T10:00:00.000Z`},
		{`return time.format(time.parse("2022-01-01T10:00:00.250+02:00"))`, `2022-01-01T08:00:00.250Z`},
		{`return time.format(time.parse("2022-01-01 10:00:00"))`, `2022-01-01T10:00:00.000Z`},
		{`return time.format(time.parse("2022-01-01T10:00:00.123456"))`, `2022-01-01T10:00:00.123Z`},
		{`return time.format(time.parse("2022-01-01"))`, `2022-01-01T00:00:00.000Z`},
		{`return time.format(time.parse("2022-01-01", {zone = "Europe/Zurich"}))`, `2021-12-31T23:00:00.000Z`},
		{`return time.format(time.parse("Sat, 01 Jan 2022 10:00:00 UTC", {zone = "Europe/Zurich"}))`, `2022-01-01T10:00:00.000Z`},
		{`return time.format(time.parse("23-11-2026 04:56", {layout = "%d-%m-%Y %H:%M"}))`, `2026-11-23T04:56:00.000Z`},
		{`return time.format(time.parse("23-11-2026 04:56", {layout = "%d-%m-%Y %H:%M", zone = "Europe/Zurich"}))`, `2026-11-23T03:56:00.000Z`},
		{`return time.format(time.parse("23-11-2026 04:56 -0500", {layout = "%d-%m-%Y %H:%M %z", zone = "Europe/Zurich"}))`, `2026-11-23T09:56:00.000Z`},
		{`return time.format(time.parse("9999-12-31T23:59:59Z"))`, `9999-12-31T23:59:59.000Z`},
		{`local t = time.timer() local a, b, c = t:elapsed(), t:lap(), t:lap() return a >= 0 and a < 60, b >= 0 and b < 60, c <= b + 60`, `true true true`},
		{`return tostring(time.timer()):sub(1, 8)`, `userdata`},
		{`time.parse("yesterday")`, `error: ...time.parse: "yesterday" is not a time: expected one such as "Sat, 01 Jan 2022 10:00:00 UTC"`},
		{`time.parse("x", {layout = "%Y"})`, `error: ...time.parse: "x" does not match the layout "%Y"`},
		{`time.parse("2022-01-01", {zone = "Mars"})`, `error: time.parse: zone must be UTC, local, or the name of a time zone such as Europe/Zurich, not the string "Mars"`},
		{`time.parse("now", {round = "off"})`, `error: time.parse: round must be "up" or "down", not the string "off"`},
		{`time.parse("now", {rond = "up"})`, `error: time.parse: unknown option "rond"`},
		{`time.format(1e12)`, `error: time.format: seconds must be a time in seconds since 1970, not 1000000000000`},
		{`time.format(0, "isoo")`, `error: time.format: layout must be iso, rucio, date, or a layout for strftime such as %Y-%m-%d, not the string "isoo"`},
		{`time.sleep(-1)`, `error: time.sleep: seconds must be a number from 0 on, not -1`},
		{`time.sleep("soon")`, `error: time.sleep: seconds must be a number, not the string "soon"`},
	})
}

func TestDateMath(t *testing.T) {
	for _, test := range []struct{ text, down, up string }{
		// labTime is Monday 2026-11-23 04:56:23.784
		{"now", "2026-11-23T04:56:23.784", ""},
		{"now-24h", "2026-11-22T04:56:23.784", ""},
		{"now-60m", "2026-11-23T03:56:23.784", ""},
		{"now+30s", "2026-11-23T04:56:53.784", ""},
		{"now-1M", "2026-10-23T04:56:23.784", ""}, // a month, not a minute
		{"now-1y", "2025-11-23T04:56:23.784", ""},
		{"now-2w", "2026-11-09T04:56:23.784", ""},
		{"now-d", "2026-11-22T04:56:23.784", ""},
		{"now/d", "2026-11-23T00:00:00.000", "2026-11-23T23:59:59.999"},
		{"now-7d/d", "2026-11-16T00:00:00.000", "2026-11-16T23:59:59.999"},
		{"now/w", "2026-11-23T00:00:00.000", "2026-11-29T23:59:59.999"},
		{"now-1d/w", "2026-11-16T00:00:00.000", "2026-11-22T23:59:59.999"},
		{"now/M", "2026-11-01T00:00:00.000", "2026-11-30T23:59:59.999"},
		{"now/y", "2026-01-01T00:00:00.000", "2026-12-31T23:59:59.999"},
		{"now/h", "2026-11-23T04:00:00.000", "2026-11-23T04:59:59.999"},
		{"now/H", "2026-11-23T04:00:00.000", "2026-11-23T04:59:59.999"},
		{"now/m", "2026-11-23T04:56:00.000", "2026-11-23T04:56:59.999"},
		{"now/s", "2026-11-23T04:56:23.000", "2026-11-23T04:56:23.999"},
		{"now/M-1d", "2026-10-31T00:00:00.000", "2026-11-29T23:59:59.999"},
		{"2026-01-31||+1M", "2026-02-28T00:00:00.000", ""}, // the last day of a shorter month
		{"2024-02-29||+1y", "2025-02-28T00:00:00.000", ""},
		{"2024-01-31T10:00:00Z||+1M/M", "2024-02-01T00:00:00.000", "2024-02-29T23:59:59.999"},
		{" 2026-01-01||-1d ", "2025-12-31T00:00:00.000", ""},
	} {
		for up, want := range map[bool]string{false: test.down, true: test.up} {
			if want == "" {
				want = test.down
			}
			got, err := parseTime(test.text, labTime, up)
			if err != nil || got.Format("2006-01-02T15:04:05.000") != want {
				t.Errorf("%q (up: %v) = %v, %v; want %s", test.text, up, got, err, want)
			}
		}
	}
	// a day of a zone may have 23 hours
	zurich, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseTime("2026-03-29||+1d", time.Now().In(zurich), false)
	if want := time.Date(2026, 3, 29, 22, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, text := range []string{"now-", "now-1", "now24h", "now-1x", "now/1d", "now*2", "now-1d/", "2026-01-01||", "2026-01-01|1d", "now-99999999999d", "now-100000000d", "", "never||+1d"} {
		if got, err := parseTime(text, labTime, false); err == nil && text != "2026-01-01||" {
			t.Errorf("%q = %v", text, got)
		}
	}
}

// A script that sleeps stops when its context ends.
func TestSleepStops(t *testing.T) {
	b := newLab(t)
	v := vm.Of(b.L)
	fn, err := v.Load("chunk", `time.sleep(3600)`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by the test")
	time.AfterFunc(10*time.Millisecond, func() { cancel(stopped) })
	if _, err := v.Call(ctx, fn); !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
}

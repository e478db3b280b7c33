package cli

import (
	"fmt"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
)

// total sums up what a command has moved.
type total struct {
	files, already, skipped, failed int
	bytes                           int64
	took                            time.Duration
}

func (t *total) add(bytes int64) { t.files, t.bytes = t.files+1, t.bytes+bytes }

// text is for people: "uploaded 3 files, 1.20 GB in 10.2s, 118 MB/s; 1 was there already; 1 failed".
func (t *total) text(verb string) string {
	text := fmt.Sprintf("%s %s", verb, plural(t.files, "file"))
	if t.files > 0 {
		text += fmt.Sprintf(", %s in %s, %s", report.Bytes(t.bytes), report.Human(t.took), report.Rate(t.bytes, t.took))
	}
	switch {
	case t.already == 1:
		text += "; 1 was there already"
	case t.already > 1:
		text += fmt.Sprintf("; %d were there already", t.already)
	}
	if t.skipped > 0 {
		text += fmt.Sprintf("; %d skipped", t.skipped)
	}
	if t.failed > 0 {
		text += fmt.Sprintf("; %d failed", t.failed)
	}
	return text
}

// object is for machines.
func (t *total) object() map[string]any {
	o := map[string]any{
		"files": t.files, "already": t.already, "skipped": t.skipped, "failed": t.failed, "bytes": t.bytes, "seconds": t.took.Seconds(),
	}
	if t.took > 0 {
		o["bytes_per_second"] = float64(t.bytes) / t.took.Seconds()
	}
	return o
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

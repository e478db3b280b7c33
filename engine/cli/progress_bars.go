package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// screen is standard error, which log lines and bars share: lines are printed above the bars while there are any.
type screen struct {
	w io.Writer

	mu   sync.Mutex
	bars *mpb.Progress
}

// Write implements io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bars != nil {
		if n, err := s.bars.Write(p); err == nil {
			return n, nil
		}
	}
	return s.w.Write(p)
}

func (s *screen) show(bars *mpb.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bars = bars
}

// barEvery is how often a bar hears of what has moved: the eye sees no more.
const barEvery = 100 * time.Millisecond

// bars show transfers on a terminal: one line for all, and one for each file that moves.
type bars struct {
	now    func() time.Time
	redact func(string) string
	screen *screen
	all    *mpb.Progress

	mu          sync.Mutex
	total       *mpb.Bar
	files, done int
	bytes       int64 // to be moved, as far as known
	meter       meter // of all
	moving      map[string]*fileBar
}

// fileBar is the line of a file.
type fileBar struct {
	bar   *mpb.Bar
	meter meter
	told  time.Time
}

var _ transfer.Progress = (*bars)(nil)

// newBars begins to draw. close ends it.
func (p *program) newBars() *bars {
	b := &bars{now: p.Now, redact: p.redactor.String, screen: p.screen, moving: map[string]*fileBar{}}
	b.meter.begin(b.now())
	b.all = mpb.New(mpb.WithOutput(p.screen.w), mpb.WithAutoRefresh())
	b.total = b.all.New(0, barStyle(), mpb.BarWidth(barWidth), mpb.BarPriority(1<<30),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return b.counts() })),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.rates() })))
	b.screen.show(b.all)
	return b
}

// barWidth is how many columns a bar has: names and figures want the rest.
const barWidth = 20

func barStyle() mpb.BarFillerBuilder {
	return mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]")
}

// close takes the bars off the screen.
func (b *bars) close() {
	b.mu.Lock()
	left := b.moving
	b.moving = map[string]*fileBar{}
	b.mu.Unlock() // for a bar that is drawn asks
	for _, f := range left {
		f.bar.Abort(true)
	}
	b.total.Abort(true)
	b.screen.show(nil)
	b.all.Wait()
}

// Plan implements transfer.Progress.
func (b *bars) Plan(files int, bytes int64) {
	b.mu.Lock()
	b.files, b.bytes = b.files+files, b.bytes+bytes
	total := b.bytes
	b.mu.Unlock()
	b.total.SetTotal(total, false)
}

// Start implements transfer.Progress.
func (b *bars) Start(name string, bytes int64) {
	f := &fileBar{}
	f.meter.begin(b.now())
	label := shortName(b.redact(name))
	f.bar = b.all.New(0, barStyle(), mpb.BarWidth(barWidth),
		mpb.PrependDecorators(decor.Name(label, decor.WCSyncWidthR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			b.mu.Lock()
			defer b.mu.Unlock()
			return f.meter.text(bytes, b.now())
		})))
	f.bar.SetTotal(max(bytes, 0), false)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moving[name] = f
}

// Moved implements transfer.Progress.
func (b *bars) Moved(name string, n int64) {
	if f, moved, total := b.count(name, n); f != nil {
		f.bar.SetCurrent(max(moved, 0))
		b.total.SetCurrent(max(total, 0))
	}
}

// count notes what has moved, of a file and in all. It returns the file's line when it is time to draw it.
func (b *bars) count(name string, n int64) (due *fileBar, moved, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.meter.moved += n
	f, now := b.moving[name], b.now()
	if f == nil {
		return nil, 0, 0
	}
	f.meter.moved += n
	if now.Sub(f.told) < barEvery && n > 0 {
		return nil, 0, 0
	}
	f.told = now
	return f, f.meter.moved, b.meter.moved
}

// End implements transfer.Progress.
func (b *bars) End(name string, _ error) {
	b.mu.Lock()
	f := b.moving[name]
	delete(b.moving, name)
	b.done++
	total := b.meter.moved
	b.mu.Unlock()
	if f != nil {
		f.bar.Abort(true)
	}
	b.total.SetCurrent(max(total, 0))
}

// counts is what stands before the bar of all.
func (b *bars) counts() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%d/%d files", b.done, b.files)
}

// rates is what stands behind it.
func (b *bars) rates() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.meter.text(b.bytes, b.now())
}

// maxName is how much of a name is shown: its end, which tells files apart.
const maxName = 40

func shortName(name string) string {
	n := utf8.RuneCountInString(name)
	if n <= maxName {
		return name
	}
	return "..." + string([]rune(name)[n-maxName+3:])
}

// meter tells how fast bytes move: the rate of the last seconds, in which older ones count less.
type meter struct {
	moved int64

	at   time.Time // of the last look
	then int64     // what had moved then
	rate float64   // bytes a second
	seen bool
}

// meterEvery is the shortest time between looks, meterMemory the one in which an old rate is nearly forgotten.
const (
	meterEvery  = 200 * time.Millisecond
	meterMemory = 5 * time.Second
)

func (m *meter) begin(now time.Time) { m.at = now }

// look brings the rate up to date.
func (m *meter) look(now time.Time) {
	took := now.Sub(m.at)
	if took < meterEvery {
		return
	}
	rate := float64(m.moved-m.then) / took.Seconds()
	weight := min(took.Seconds()/meterMemory.Seconds(), 1)
	if !m.seen {
		weight, m.seen = 1, true
	}
	m.rate = max(m.rate+(rate-m.rate)*weight, 0)
	m.at, m.then = now, m.moved
}

// text tells how far a transfer of so many bytes is: "1.20 GB of 3.40 GB, 118 MB/s, 19s left".
func (m *meter) text(bytes int64, now time.Time) string {
	m.look(now)
	moved := max(m.moved, 0)
	text := report.Bytes(moved)
	if bytes > 0 {
		text += " of " + report.Bytes(bytes)
	}
	if !m.seen {
		return text
	}
	text += ", " + report.Bytes(int64(m.rate)) + "/s"
	if left := bytes - moved; left > 0 && m.rate >= 1 {
		text += ", " + seconds(float64(left)/m.rate) + " left"
	}
	return text
}

// seconds prints a time that is a guess: whole seconds.
func seconds(s float64) string {
	if s < 59.5 {
		return fmt.Sprintf("%.0fs", s)
	}
	return report.Human(time.Duration(min(s, 1e9) * float64(time.Second)))
}

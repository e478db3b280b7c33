package cli

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// tellEvery is how often the log tells of a file that takes long.
const tellEvery = 15 * time.Second

// logProgress tells of transfers in the log: every now and then of those that take long, and of each file when it has moved.
type logProgress struct {
	log *slog.Logger
	now func() time.Time
	end slog.Level // of what is told when a file has moved

	mu     sync.Mutex
	moving map[string]*movingFile
}

// movingFile is a file on its way.
type movingFile struct {
	size, moved      int64
	started, telling time.Time
}

var _ transfer.Progress = (*logProgress)(nil)

func newLogProgress(log *slog.Logger, now func() time.Time, end slog.Level) *logProgress {
	return &logProgress{log: log, now: now, end: end, moving: map[string]*movingFile{}}
}

// Plan implements transfer.Progress.
func (*logProgress) Plan(int, int64) {}

// Start implements transfer.Progress.
func (p *logProgress) Start(name string, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.moving[name] = &movingFile{size: bytes, started: now, telling: now.Add(tellEvery)}
}

// Moved implements transfer.Progress.
func (p *logProgress) Moved(name string, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.moving[name]
	if f == nil {
		return
	}
	f.moved += n
	if now := p.now(); now.After(f.telling) {
		f.telling = now.Add(tellEvery)
		p.log.Info(fmt.Sprintf("moving %s: %s, %s", name, f.share(), report.Rate(f.moved, now.Sub(f.started))))
	}
}

// share is how much of a file has moved: "35 % of 2.15 GB".
func (f *movingFile) share() string {
	if f.size <= 0 {
		return report.Bytes(f.moved)
	}
	return fmt.Sprintf("%d %% of %s", 100*f.moved/f.size, report.Bytes(f.size))
}

// End implements transfer.Progress. Of a failure its error tells.
func (p *logProgress) End(name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.moving[name]
	delete(p.moving, name)
	if f == nil || err != nil {
		return
	}
	took := p.now().Sub(f.started)
	p.log.Log(context.Background(), p.end, fmt.Sprintf("moved %s: %s in %s, %s", name, report.Bytes(f.moved), report.Human(took), report.Rate(f.moved, took)))
}

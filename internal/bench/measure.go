package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"
)

// A contender is one command that is measured as a whole process.
type contender struct {
	name string
	argv []string
	env  []string // added to the environment of the benchmark
	net  string   // the contender whose figures are this one's start-up, to be taken off for net figures
	// fresh, if set, makes argv anew for each run, outside what is measured.
	fresh func() ([]string, error)
	scale int // of times and CPU but for those of start-up (net), where this contender does a part of the work; 0 is all of it
	most  int // runs at most, and none to warm up; 0 is as many as the others
}

// A figure is what the kernel accounted for one finished process.
type figure struct {
	wall, cpu time.Duration
	first     time.Duration // until the first byte on standard output
	peak      int64         // bytes
}

// measure runs the contenders in turn, A B A B ..., after one warm-up round each unless they are to be cold, so that a drift
// of the machine's speed touches all alike. A contender that exits non-zero ends the benchmark: a failed run is not a fast one.
func measure(ctx context.Context, runs int, cold bool, all []contender) (map[string][]figure, error) {
	figures := map[string][]figure{}
	first := -1
	if cold {
		first = 0
	}
	for round := first; round < runs; round++ {
		for _, c := range all {
			if c.most > 0 && (round < 0 || round >= c.most) {
				continue
			}
			f, err := once(ctx, c)
			if err != nil {
				return nil, err
			}
			if round >= 0 {
				figures[c.name] = append(figures[c.name], f)
			}
		}
	}
	for _, c := range all {
		if c.scale > 1 {
			start := median(figures[c.net])
			for i, f := range figures[c.name] {
				f.wall = start.wall + (f.wall-start.wall)*time.Duration(c.scale)
				f.cpu = start.cpu + (f.cpu-start.cpu)*time.Duration(c.scale)
				figures[c.name][i] = f
			}
		}
	}
	return figures, nil
}

func once(ctx context.Context, c contender) (figure, error) {
	if c.fresh != nil {
		argv, err := c.fresh()
		if err != nil {
			return figure{}, fmt.Errorf("%s: %w", c.name, err)
		}
		c.argv = argv
	}
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	var stderr bytes.Buffer
	started := time.Now()
	stdout := &firstByte{since: started}
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	err := cmd.Run()
	wall := time.Since(started)
	if err != nil {
		return figure{}, fmt.Errorf("%s: %s: %w\n%s", c.name, strings.Join(c.argv, " "), err, stderr.String())
	}
	state := cmd.ProcessState
	peak := state.SysUsage().(*syscall.Rusage).Maxrss * 1024
	return figure{wall: wall, cpu: state.UserTime() + state.SystemTime(), first: stdout.after, peak: peak}, nil
}

// firstByte notes when a process first printed something.
type firstByte struct {
	since time.Time
	after time.Duration
}

// Write implements io.Writer.
func (f *firstByte) Write(p []byte) (int, error) {
	if f.after == 0 {
		f.after = time.Since(f.since)
	}
	return len(p), nil
}

// median returns the medians of the figures, each for itself.
func median(all []figure) figure {
	return figure{
		wall:  middle(all, func(f figure) time.Duration { return f.wall }),
		cpu:   middle(all, func(f figure) time.Duration { return f.cpu }),
		first: middle(all, func(f figure) time.Duration { return f.first }),
		peak:  middle(all, func(f figure) int64 { return f.peak }),
	}
}

// fastest returns the figures of the run that took the least time, with the highest peak of all.
func fastest(all []figure) figure {
	best := slices.MinFunc(all, func(a, b figure) int { return cmp.Compare(a.wall, b.wall) })
	for _, f := range all {
		best.peak = max(best.peak, f.peak)
	}
	return best
}

func middle[T ~int64](all []figure, get func(figure) T) T {
	values := make([]T, len(all))
	for i, f := range all {
		values[i] = get(f)
	}
	sort.Slice(values, func(i, j int) bool { return values[i] < values[j] })
	return values[len(values)/2]
}

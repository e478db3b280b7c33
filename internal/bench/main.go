// Command bench measures the built program beside curl and Rucio's Python client on the testbed's real server, in one run,
// and prints medians and ratios. It judges nothing: the goals stand beside the figures. `make bench` runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
)

// A benchmark is a group of contenders with a goal in words.
type benchmark struct {
	name string
	goal string
	runs int
	// prepare returns the contenders, the first of which is ours, and the ratios worth printing.
	prepare func(ctx context.Context, s setup) ([]contender, error)
}

// benchmarks lists all, in the order in which they run.
var benchmarks = []benchmark{stubs}

func main() {
	var (
		bin  = flag.String("bin", "bin/rucio-task-manager", "the program to measure")
		only = flag.String("only", "", "run only the benchmarks whose name contains this")
		runs = flag.Int("runs", 0, "counted runs of each command (default: the benchmark's own)")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *bin, *only, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, bin, only string, runs int) error {
	s, err := newSetup(bin)
	if err != nil {
		return err
	}
	defer s.close()
	for _, b := range benchmarks {
		if !strings.Contains(b.name, only) {
			continue
		}
		all, err := b.prepare(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		n := b.runs
		if runs > 0 {
			n = runs
		}
		figures, err := measure(ctx, n, all)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		if err := print(w, b, n, all, figures); err != nil {
			return err
		}
	}
	return nil
}

// print writes a benchmark's table: medians of each contender, and ours divided by it.
func print(w io.Writer, b benchmark, n int, all []contender, figures map[string][]figure) error {
	fmt.Fprintf(w, "\n%s (medians of %d runs; goal: %s)\n", b.name, n, b.goal)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\twall ms\tCPU ms\tpeak MB\twall ours/its\tCPU ours/its\t")
	ours := median(figures[all[0].name])
	for _, c := range all {
		m := median(figures[c.name])
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.3f\t%.3f\t\n", c.name, ms(m.wall.Nanoseconds()), ms(m.cpu.Nanoseconds()), float64(m.peak)/1e6,
			float64(ours.wall)/float64(m.wall), float64(ours.cpu)/float64(max(m.cpu, 1)))
	}
	return t.Flush()
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

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
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A benchmark is a group of contenders with a goal in words.
type benchmark struct {
	name string
	goal string
	runs int
	cold bool    // no run before those that count
	best bool    // the fastest run counts, not the median: memory that a virtual machine has to fetch first may double a run's time
	gib  float64 // what each contender moves; 0: not a matter of bytes
	// prepare returns the contenders, the first of which is ours, and the ratios worth printing.
	prepare func(ctx context.Context, s setup) ([]contender, error)
}

// benchmarks lists all, in the order in which they run.
func benchmarks() []benchmark {
	return slices.Concat([]benchmark{stubs}, rowBenchmarks(), metadataBenchmarks, transferBenchmarks)
}

func main() {
	var (
		bin  = flag.String("bin", "bin/rucio-task-manager", "the program to measure")
		only = flag.String("only", "", "run only the benchmarks whose name contains this")
		runs = flag.Int("runs", 0, "counted runs of each command (default: the benchmark's own)")

		recordings = flag.String("replay", "", "serve this folder of recordings instead, for another bench")
		repeat     = flag.Int("repeat", 1, "with -replay: send the rows so often")
		delay      = flag.Duration("delay", 0, "with -replay: be so long about answers that are no streams")
	)
	flag.Parse()
	if *recordings != "" {
		if err := serveReplay(*recordings, *repeat, *delay); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
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
	for _, b := range benchmarks() {
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
		figures, err := measure(ctx, n, b.cold, all)
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
		if err := print(w, b, n, all, figures); err != nil {
			return err
		}
	}
	return nil
}

// print writes a benchmark's table: medians of each contender, ours divided by it, and net of start-up where that is known.
func print(w io.Writer, b benchmark, n int, all []contender, figures map[string][]figure) error {
	middle, word := median, "medians"
	if b.best {
		middle, word = fastest, "the fastest"
	}
	fmt.Fprintf(w, "\n%s (%s of %d runs; goal: %s)\n", b.name, word, n, b.goal)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\twall ms\tfirst output ms\tCPU ms\tnet CPU ms\tpeak MB\twall ours/its\tCPU ours/its\tnet CPU ours/its\tCPU ms/GiB\tMB/s\trate ours/its\t")
	ours := middle(figures[all[0].name])
	oursNet := netCPU(all[0], figures)
	for _, c := range all {
		m := middle(figures[c.name])
		net, ratio := "-", "-"
		if c.net != "" {
			net, ratio = fmt.Sprintf("%.1f", ms(netCPU(c, figures))), fmt.Sprintf("%.3f", float64(oursNet)/float64(max(netCPU(c, figures), 1)))
		}
		perGiB, rate, rates := "-", "-", "-"
		if b.gib > 0 {
			perGiB, rate = fmt.Sprintf("%.0f", ms(m.cpu)/b.gib), fmt.Sprintf("%.0f", b.gib*(1<<30)/1e6/m.wall.Seconds())
			rates = fmt.Sprintf("%.2f", m.wall.Seconds()/ours.wall.Seconds())
		}
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%s\t%.1f\t%.3f\t%.3f\t%s\t%s\t%s\t%s\t\n", c.name, ms(m.wall), ms(m.first), ms(m.cpu), net,
			float64(m.peak)/1e6, float64(ours.wall)/float64(m.wall), float64(ours.cpu)/float64(max(m.cpu, 1)), ratio, perGiB, rate, rates)
	}
	return t.Flush()
}

// netCPU is a contender's CPU time without that of its start-up.
func netCPU(c contender, figures map[string][]figure) time.Duration {
	net := median(figures[c.name]).cpu
	if c.net != "" {
		net -= median(figures[c.net]).cpu
	}
	return max(net, 0)
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

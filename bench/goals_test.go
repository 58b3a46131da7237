package bench_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A goal is a bound on a ratio.
type goal struct {
	bound float64
	least bool
}

func atMost(r float64) goal  { return goal{r, false} }
func atLeast(r float64) goal { return goal{r, true} }

func (g goal) met(r float64) bool {
	if g.least {
		return r >= g.bound
	}
	return r <= g.bound
}

func (g goal) String() string {
	if g.least {
		return fmt.Sprintf("≥ %.2f", g.bound)
	}
	return fmt.Sprintf("≤ %.2f", g.bound)
}

// report prints the row of README.md's table: the median of several ratios, and the half of
// them around it.
func report(t *testing.T, name, what string, g goal, ratios []float64) {
	t.Helper()
	slices.Sort(ratios)
	r := ratios[len(ratios)/2]
	fmt.Printf("| %s | %s | %v | %.2f | %.2f–%.2f |\n", name, what, g, r, ratios[len(ratios)/4], ratios[len(ratios)*3/4])
	if !g.met(r) {
		t.Errorf("%s: %s is %.3f, want %v", name, what, r, g)
	}
}

// A clock is what a piece of work is charged by.
type clock func() time.Duration

// wall is the time that a caller waits.
func wall() clock {
	begun := time.Now()
	return func() time.Duration { return time.Since(begun) }
}

// processor is the time that this process kept a core busy: what is left when waiting for the
// disk, and for neighbours on the same machine, is taken away.
func processor() clock {
	return func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
}

// A pair is two kinds of work that take turns, each n times.
type pair struct {
	clock                  clock
	turns, n               int
	numerator, denominator func(n int) error
}

// ratios returns the cost of the numerator over that of the denominator, for each turn.
func (p pair) ratios(t *testing.T) []float64 {
	t.Helper()
	cost := func(do func(int) error, n int) float64 {
		begun := p.clock()
		if err := do(n); err != nil {
			t.Fatal(err)
		}
		return float64(p.clock() - begun)
	}
	cost(p.numerator, p.n/4+1)
	cost(p.denominator, p.n/4+1)
	all := make([]float64, p.turns)
	for i := range all {
		all[i] = cost(p.numerator, p.n) / cost(p.denominator, p.n)
	}
	return all
}

// times makes n runs of something one run.
func times(do func() error) func(int) error {
	return func(n int) error {
		for range n {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
}

// each returns what one of a hundred takes.
func each(t *testing.T, do func() error) time.Duration {
	t.Helper()
	begun := time.Now()
	if err := times(do)(100); err != nil {
		t.Fatal(err)
	}
	return time.Since(begun) / 100
}

// TestFlowGoals is G9 as ratios of one run: by the processor, and by the clock on the wall,
// where a durable write waits for the disk as well.
func TestFlowGoals(t *testing.T) {
	if testing.Short() {
		t.Skip("ratios need a quiet minute")
	}
	f := newFlows(t)
	t.Logf("one signature takes %v, one fsync %v", each(t, f.sign), each(t, f.sync))
	report(t, "G9", "a whole sign-in / Argon2id alone, processor time", atMost(1.15),
		pair{processor(), 25, 8, times(f.login), times(f.argon2)}.ratios(t))
	report(t, "G9", "a whole sign-in / Argon2id alone, wall time", atMost(1.15),
		pair{wall(), 25, 8, times(f.login), times(f.argon2)}.ratios(t))
	report(t, "G9", "a whole refresh / one RS256 signature and one fsync, processor time", atMost(1.4),
		pair{processor(), 41, 60, times(f.rotate), times(f.signDurably)}.ratios(t))
	report(t, "G9", "a whole refresh / one RS256 signature and one fsync, wall time", atMost(1.4),
		pair{wall(), 41, 60, times(f.rotate), times(f.signDurably)}.ratios(t))
	report(t, "G9", "a whole refresh / one RS256 signature, wall time", atMost(1.4),
		pair{wall(), 41, 60, times(f.rotate), times(f.sign)}.ratios(t))
}

// TestRotateGoals is G10 as ratios of one run.
func TestRotateGoals(t *testing.T) {
	if testing.Short() {
		t.Skip("ratios need a quiet minute")
	}
	for _, tt := range []struct {
		clients int
		want    goal
	}{{8, atLeast(2)}, {64, atLeast(4)}} {
		// Half the time for the same work is twice the rate.
		report(t, "G10", fmt.Sprintf("durable rotations a second at %d clients, grouped / single, no errors", tt.clients), tt.want,
			pair{wall(), 15, 2000, rotating(t, tt.clients, modes[1]), rotating(t, tt.clients, modes[0])}.ratios(t))
	}
}

// rotating returns work that many clients share.
func rotating(t *testing.T, clients int, m mode) func(int) error {
	t.Helper()
	all := rotators(t, clients, m.options...)
	return func(n int) error {
		errors, first := spend(t.Context(), all, n)
		if errors > 0 {
			return fmt.Errorf("%d of %d rotations failed: %w", errors, n, first)
		}
		return nil
	}
}

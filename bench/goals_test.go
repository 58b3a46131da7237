package bench_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what was measured into README.md")

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
		return "≥ " + figure(g.bound)
	}
	return "≤ " + figure(g.bound)
}

// figure writes a ratio with three digits or so.
func figure(r float64) string {
	switch {
	case r >= 100:
		return fmt.Sprintf("%.0f", r)
	case r >= 10:
		return fmt.Sprintf("%.1f", r)
	case r >= 0.1:
		return fmt.Sprintf("%.2f", r)
	}
	return fmt.Sprintf("%.3f", r)
}

// TestGoals measures every goal in one run, the two sides of each ratio in turns, and prints
// the table of README.md. With -update it writes the table; a run of some goals only writes
// their rows.
func TestGoals(t *testing.T) {
	if testing.Short() {
		t.Skip("ratios need ten quiet minutes")
	}
	heap := make([]byte, ballast)
	defer runtime.KeepAlive(heap)
	b := &board{load: load()}
	for _, g := range []struct {
		name    string
		measure func(*testing.T, *board)
	}{
		{"G1", guardGoals}, {"G2", rivalGoals}, {"G3", floorGoals}, {"G4", serverGoals}, {"G5", verifyGoals}, {"G6", rejectGoals},
		{"G7", permissionGoals}, {"G8", stormGoals}, {"G9", flowGoals}, {"G10", rotateGoals}, {"G14", mintGoals},
		{"G15", samlGoals},
	} {
		t.Run(g.name, func(t *testing.T) { g.measure(t, b) })
	}
	fmt.Println(b)
	if *update {
		if err := b.write("README.md"); err != nil {
			t.Fatal(err)
		}
	}
}

// ballast is a heap such as a server has. In one of a few megabytes the collector would run
// thousands of times a second, and what is measured would be when it does.
const ballast = 64 << 20

// A clock is what a piece of work is charged by.
type clock func() time.Duration

// wall is the time that a caller waits.
func wall() clock {
	begun := time.Now()
	return func() time.Duration { return time.Since(begun) }
}

// processor is the time that this process kept a core busy, its garbage collector included:
// what is left when waiting for the disk, and for neighbours on the same machine, is taken
// away.
func processor() clock {
	return func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
}

// A side is one of the two kinds of work in a ratio. A zero n is as often as a turn takes.
type side struct {
	n  int
	do func(n int) error
}

// once makes a side of something that is done again and again.
func once(do func() error) side { return side{do: times(do)} }

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

// turn is how long a side is at work before the other one is: short enough for a neighbour
// on the machine to trouble both, long enough for the clock.
const turn = 40 * time.Millisecond

// A pair is two kinds of work that take turns.
type pair struct {
	clock       clock
	turns       int
	over, under side
}

// compared are two that need nothing but a processor.
func compared(over, under func() error) pair {
	return pair{processor(), 31, once(over), once(under)}
}

// ratios returns what one piece of work costs in units of the other, for each turn.
func (p pair) ratios(t *testing.T) []float64 {
	t.Helper()
	p.settle(t, &p.over)
	p.settle(t, &p.under)
	all := make([]float64, p.turns)
	for i := range all {
		all[i] = p.cost(t, p.over) / p.cost(t, p.under)
	}
	return all
}

// settle warms a side up and finds out how often it is done in a turn.
func (p pair) settle(t *testing.T, s *side) {
	t.Helper()
	if s.n > 0 {
		p.cost(t, side{s.n/4 + 1, s.do})
		return
	}
	for s.n = 1; p.cost(t, *s)*float64(s.n) < float64(turn); {
		s.n *= 2
	}
}

func (p pair) cost(t *testing.T, s side) float64 {
	t.Helper()
	begun := p.clock()
	if err := s.do(s.n); err != nil {
		t.Fatal(err)
	}
	return float64(p.clock()-begun) / float64(s.n)
}

// each returns what one of a hundred takes.
func each(do func() error) (time.Duration, error) {
	begun := time.Now()
	err := times(do)(100)
	return time.Since(begun) / 100, err
}

// median returns the middle of the ratios, and the half of them around it.
func median(ratios []float64) (low, middle, high float64) {
	slices.Sort(ratios)
	n := len(ratios)
	return ratios[n/4], ratios[n/2], ratios[n*3/4]
}

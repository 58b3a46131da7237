package bench_test

import (
	"bufio"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	stormKind    = "BENCH_STORM" // makes the test binary a child of a storm
	stormClients = 50
	stormRounds  = 6
)

// A gust is what one process went through: 50 clients that sign in at once, again and again.
type gust struct {
	PeakRSS    float64 // MB
	Throughput float64 // sign-ins a second
	P99        float64 // ms
	Lateness   float64 // ms by which the 99th percentile of a 1 ms timer was late
}

// storm is the child: "limited" is the library, "unlimited" is what a host writes without it.
func storm(kind string, out io.Writer) error {
	signIn, err := stormer(kind)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	late := lateness(done)
	begun := time.Now()
	took, err := clients(signIn)
	if err != nil {
		return err
	}
	elapsed := time.Since(begun)
	close(done)
	g := gust{
		Throughput: float64(len(took)) / elapsed.Seconds(),
		P99:        ms(percentile(took, 99)), Lateness: ms(percentile(<-late, 99)),
	}
	if g.PeakRSS, err = peak(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(g)
}

func stormer(kind string) (func(user int) error, error) {
	if kind == "unlimited" {
		want := hash()
		return func(int) error {
			if subtle.ConstantTimeCompare(hash(), want) != 1 {
				return fmt.Errorf("wrong password")
			}
			return nil
		}, nil
	}
	s, err := newSite(context.Background(), os.Getenv("BENCH_DIR"), stormClients, 0)
	return func(user int) error {
		_, err := s.login(user)
		return err
	}, err
}

// clients runs the storm and returns how long every sign-in took.
func clients(signIn func(user int) error) ([]time.Duration, error) {
	took := make([]time.Duration, stormClients*stormRounds)
	errs := make([]error, stormClients)
	var wg sync.WaitGroup
	for c := range stormClients {
		wg.Go(func() {
			for r := range stormRounds {
				begun := time.Now()
				if err := signIn(c); err != nil {
					errs[c] = err
				}
				took[c*stormRounds+r] = time.Since(begun)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}

// lateness asks for a millisecond again and again and notes how much more it got.
func lateness(done <-chan struct{}) <-chan []time.Duration {
	out := make(chan []time.Duration, 1)
	go func() {
		var all []time.Duration
		for {
			select {
			case <-done:
				out <- all
				return
			default:
			}
			begun := time.Now()
			time.Sleep(time.Millisecond)
			all = append(all, time.Since(begun)-time.Millisecond)
		}
	}()
	return out
}

// peak reads the most memory this process ever had (Linux).
func peak() (float64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in /proc/self/status")
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func percentile(all []time.Duration, p int) time.Duration {
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*p/100)]
}

// child runs a storm in a process of its own, so that its memory is its own.
func child(t *testing.T, kind string) gust {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), stormKind+"="+kind, "BENCH_DIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	var g gust
	if err := json.Unmarshal(out, &g); err != nil {
		t.Fatalf("%s: %v in %q", kind, err, out)
	}
	return g
}

// stormGoals is G8.
func stormGoals(t *testing.T, on *board) {
	var rss, throughput, p99, late []float64
	for range 3 {
		a, b := child(t, "limited"), child(t, "unlimited")
		t.Logf("limited %+v, unlimited %+v", a, b)
		rss = append(rss, a.PeakRSS/b.PeakRSS)
		throughput = append(throughput, a.Throughput/b.Throughput)
		p99 = append(p99, a.P99/b.P99)
		late = append(late, a.Lateness/b.Lateness)
	}
	on.report(t, "peak memory, limited / unlimited", atMost(1.0/12), rss)
	on.report(t, "sign-ins a second, limited / unlimited", atLeast(1.2), throughput)
	on.report(t, "p99 of a sign-in, limited / unlimited", atMost(1.0/2), p99)
	on.report(t, "p99 lateness of a 1 ms timer, limited / unlimited", atMost(1.0/3), late)
}

package bench_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A board collects the rows of README.md's table.
type board struct {
	rows []string
	load string // of the machine when the run began
}

const (
	head       = "| goal | what | wanted | median | middle half | |\n|---|---|---|---|---|---|\n"
	tableBegin = "<!-- goals -->\n"
	tableEnd   = "<!-- end of goals -->\n"
)

// report adds the row of a goal: the median of several ratios, and the half of them around
// it. A goal that is missed fails the test.
func (b *board) report(t *testing.T, what string, g goal, ratios []float64) {
	t.Helper()
	low, middle, high := median(ratios)
	name, verdict := t.Name()[strings.LastIndexByte(t.Name(), '/')+1:], ""
	if !g.met(middle) {
		verdict = "missed"
		t.Errorf("%s is %s, want %v", what, figure(middle), g)
	}
	row := fmt.Sprintf("| %s | %s | %v | %s | %s–%s | %s |\n", name, what, g, figure(middle), figure(low), figure(high), verdict)
	t.Log(strings.TrimSpace(row))
	b.rows = append(b.rows, row)
}

// String is the table.
func (b *board) String() string { return "\n" + b.machine() + "\n" + head + strings.Join(b.rows, "") }

// machine says where the numbers are from, and nothing that would name it.
func (b *board) machine() string {
	return fmt.Sprintf("%d cores (%s), Go %s, %s/%s, load average %s at the beginning and %s at the end, an fsync of 4 KiB took %s.\n",
		runtime.NumCPU(), processorClass(), strings.TrimPrefix(runtime.Version(), "go"), runtime.GOOS, runtime.GOARCH, b.load, load(), fsync())
}

// processorClass is the class of the processor (Linux).
func processorClass() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// load is how many processes wanted a core in the last minute (Linux).
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

func fsync() string {
	dir, err := os.MkdirTemp("", "fsync")
	if err != nil {
		return "unknown"
	}
	defer os.RemoveAll(dir)
	f, err := os.Create(filepath.Join(dir, "disk"))
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	took, err := each(func() error { return writeThrough(f) })
	if err != nil {
		return "unknown"
	}
	return took.Round(10_000).String()
}

// writeThrough is the page that must be on the disk before a durable write is answered.
func writeThrough(f *os.File) error {
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return err
	}
	return f.Sync()
}

// write puts the rows into the table of a file, in place of those about the same.
func (b *board) write(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, ok1 := bytes.Cut(text, []byte(tableBegin))
	table, after, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no table", name)
	}
	rows := b.merged(string(table))
	out := string(before) + tableBegin + "\n" + b.machine() + "\n" + head + strings.Join(rows, "") + "\n" + tableEnd + string(after)
	return os.WriteFile(name, []byte(out), 0o644)
}

// merged are the rows of the board, and those of the table that it has nothing to say about,
// by goal.
func (b *board) merged(table string) []string {
	rows := slices.Clone(b.rows)
	for line := range strings.Lines(table) {
		same := func(row string) bool { return subject(row) == subject(line) }
		if strings.HasPrefix(line, "| G") && !slices.ContainsFunc(rows, same) {
			rows = append(rows, line)
		}
	}
	slices.SortStableFunc(rows, func(a, c string) int { return number(a) - number(c) })
	return rows
}

// subject is what a row is about: goal and text.
func subject(row string) string { return strings.Join(strings.SplitN(row, "|", 4)[:3], "|") }

func number(row string) (n int) {
	fmt.Sscanf(row, "| G%d", &n)
	return n
}

package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxIn bounds the values that one statement names.
const maxIn = 500

// each runs fn for the distinct values, at most maxIn at a time.
func each(values []string, fn func(in in) error) error {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	for chunk := range slices.Chunk(values, maxIn) {
		if err := fn(in{values: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// An in is the list of an "in (…)" condition and the arguments before it.
type in struct {
	before []any
	values []string
}

// after returns the list with arguments that come before its own.
func (i in) after(args ...any) in { return in{before: args, values: i.values} }

// list returns "($3, $4, …)". Its length is a power of two, so that few texts exist and a
// prepared one is found again; the last value fills it up.
func (i in) list() string {
	var b strings.Builder
	b.WriteString("($")
	for n := range i.size() {
		if n > 0 {
			b.WriteString(", $")
		}
		b.WriteString(strconv.Itoa(len(i.before) + n + 1))
	}
	return b.String() + ")"
}

func (i in) args() []any {
	args := slices.Clone(i.before)
	for n := range i.size() {
		args = append(args, i.values[min(n, len(i.values)-1)])
	}
	return args
}

func (i in) size() int {
	n := 1
	for n < len(i.values) {
		n *= 2
	}
	return n
}

// manyIn reads the records whose column is one of the values. query ends where the list
// belongs.
func manyIn[T any](ctx context.Context, db *DB, into func(scan) (T, error), query string, values []string) ([]T, error) {
	var out []T
	err := each(values, func(in in) error {
		some, err := many(ctx, db, into, query+in.list(), in.args()...)
		out = append(out, some...)
		return err
	})
	return out, err
}

// successor returns the least text that is greater than every text with the prefix, or
// "" where there is none.
func successor(prefix string) string {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case r == 0xD7FF:
			return prefix + "\uE000" // the surrogates between are no text
		case r < utf8.MaxRune:
			return prefix + string(r+1)
		}
	}
	return ""
}

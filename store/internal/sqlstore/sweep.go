package sqlstore

import (
	"context"
	"slices"
)

// sweepSize bounds what one sweeping statement removes, so that writers never wait long.
const sweepSize = 1000

// sweep repeats a delete, whose $1 is a limit, until it finds no more.
func (db *DB) sweep(ctx context.Context, query string, args ...any) (int, error) {
	total := 0
	for {
		n, err := db.exec(ctx, query, slices.Insert(slices.Clone(args), 0, any(sweepSize))...)
		total += n
		if err != nil || n < sweepSize {
			return total, err
		}
	}
}

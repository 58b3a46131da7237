package sqlstore

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-identity/identity/store"
)

const defaultLimit = 50

var (
	errSort   = errors.New("no such sort order")
	errCursor = errors.New("not a cursor of this listing")
	errIDs    = errors.New("more ids than a page holds")
)

// A listing is a query in the making: which records, in which order, which page of them.
// Its texts are constants of this package; whatever a caller chose is an argument.
type listing[T any] struct {
	table   string // what the page is cut from: "identity_users u"
	id      string // the column that breaks ties: "u.id"
	key     string // the rest of the record's key, where the id is not all of it: "e.tenant_id, "
	columns string
	join    string // from the page to the records: "join identity_users r on r.id = page.id"
	into    func(scan) (T, error)
	cursor  func(T) (time.Time, string) // the creation time and id of a record

	where []string
	args  []any
}

// arg adds an argument and returns its name in the query.
func (l *listing[T]) arg(v any) string {
	l.args = append(l.args, v)
	return "$" + strconv.Itoa(len(l.args))
}

func (l *listing[T]) equal(column, value string) {
	if value != "" {
		l.where = append(l.where, column+` = `+l.arg(value))
	}
}

// among keeps the records whose column is one of the values; without values all.
func (l *listing[T]) among(column string, values []string) error {
	if len(values) > store.MaxLimit {
		return errors.Join(store.ErrInvalid, errIDs)
	}
	if len(values) == 0 {
		return nil
	}
	in := in{values: values}.after(l.args...)
	l.args = in.args()
	l.where = append(l.where, column+` in `+in.list())
	return nil
}

// prefix returns the condition that a folded column begins with text. It is a range, which
// every index serves, where "like" would scan with one plan or another.
func (l *listing[T]) prefix(column, text string) string {
	low := fold(text)
	where := column + ` >= ` + l.arg(low)
	if high := successor(low); high != "" {
		where += ` and ` + column + ` < ` + l.arg(high)
	}
	return `(` + where + `)`
}

// fold leaves text that no database keeps as it is, so that bind refuses it: folding would
// mend it.
func fold(text string) string {
	if !store.Storable(text) {
		return text
	}
	return store.Fold(text)
}

// A sort is an order that a listing offers.
type sort struct {
	column string
	join   string // what the listing's table lacks for it
	keyset bool   // by creation time: a cursor can continue it
}

// page runs the query: ids first, so that records before the page are not read.
func (l *listing[T]) page(ctx context.Context, db *DB, p store.Page, sorts map[string]sort) (store.Listing[T], error) {
	var out store.Listing[T]
	by, ok := sorts[p.Sort]
	if !ok {
		return out, errors.Join(store.ErrInvalid, errSort)
	}
	total, err := one(ctx, db, scanInt, varied+`select count(*) from `+l.table+l.conditions(), l.args...)
	if err != nil {
		return out, err
	}
	limit := p.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, store.MaxLimit)
	query, err := l.query(p, by, limit)
	if err != nil {
		return out, err
	}
	out.Total = total
	if out.Items, err = many(ctx, db, l.into, query, l.args...); err != nil {
		return out, err
	}
	if len(out.Items) > limit {
		out.Items = out.Items[:limit]
		if by.keyset {
			out.Next = encodeCursor(p.Desc, l.cursor, out.Items[limit-1])
		}
	}
	return out, nil
}

func (l *listing[T]) query(p store.Page, by sort, limit int) (string, error) {
	direction, beyond := ` asc`, ` > `
	if p.Desc {
		direction, beyond = ` desc`, ` < `
	}
	offset := max(p.Offset, 0)
	if p.After != "" {
		at, id, err := decodeCursor(p.After, p.Desc)
		if err != nil || !by.keyset {
			return "", errors.Join(store.ErrInvalid, errCursor, err)
		}
		offset = 0
		l.where = append(l.where,
			`(`+by.column+`, `+l.id+`)`+beyond+`(`+l.arg(moment(at))+`, `+l.arg(id)+`)`)
	}
	page := `select ` + l.key + l.id + ` as id, ` + by.column + ` as sort_key from ` + l.table + by.join + l.conditions() +
		` order by ` + by.column + direction + `, ` + l.id + direction +
		` limit ` + l.arg(limit+1) + ` offset ` + l.arg(offset)
	return varied + `select ` + l.columns + ` from (` + page + `) page ` + l.join +
		` order by page.sort_key` + direction + `, page.id` + direction, nil
}

func (l *listing[T]) conditions() string {
	if len(l.where) == 0 {
		return ""
	}
	return ` where ` + strings.Join(l.where, ` and `)
}

// A cursor is where a page ended. It is opaque to callers, and checked, not trusted.
type cursor struct {
	At   int64  `json:"a"` // microseconds
	ID   string `json:"i"`
	Desc bool   `json:"d,omitempty"`
}

func encodeCursor[T any](desc bool, key func(T) (time.Time, string), last T) string {
	at, id := key(last)
	text, err := json.Marshal(cursor{at.UnixMicro(), id, desc})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeCursor(text string, desc bool) (time.Time, string, error) {
	var c cursor
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return time.Time{}, "", err
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return time.Time{}, "", err
	}
	at := time.UnixMicro(c.At).UTC()
	if c.Desc != desc || c.ID == "" || at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, "", fmt.Errorf("cursor of another order")
	}
	return at, c.ID, nil
}

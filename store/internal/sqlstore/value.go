package sqlstore

import (
	"fmt"
	"time"

	"github.com/go-identity/identity/store"
)

// A moment is a time that is never null, so that it can be compared and ordered by.
type moment time.Time

// A doc is JSON text: an object, an array, or nothing.
type doc string

// A list is kept as a JSON array of text.
type list []string

// bind brings args into the form that the database keeps, in place. Whatever a database
// would refuse, or another would keep differently, is refused here.
func (db *DB) bind(args []any) error {
	for i, a := range args {
		v, err := db.value(a)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		args[i] = v
	}
	return nil
}

func (db *DB) value(a any) (any, error) {
	switch a := a.(type) {
	case string:
		if !store.Storable(a) {
			return nil, store.ErrInvalid
		}
		return a, nil
	case time.Time:
		if a = cut(a); a.IsZero() {
			return nil, nil
		}
		return db.dialect.Time(a), nil
	case moment:
		return db.dialect.Time(cut(time.Time(a))), nil
	case doc:
		return bindDoc(a)
	case list:
		return bindList(a)
	case []byte:
		if len(a) == 0 {
			return nil, nil
		}
		return a, nil
	case bool, int, int64, nil:
		return a, nil
	}
	return nil, fmt.Errorf("no column holds a %T", a)
}

func cut(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// at scans a time from whatever the driver hands over.
type at struct{ t *time.Time }

// Scan implements sql.Scanner.
func (a at) Scan(v any) error {
	switch v := v.(type) {
	case time.Time:
		*a.t = v.UTC()
	case int64:
		*a.t = time.UnixMicro(v).UTC()
	case nil:
		*a.t = time.Time{}
	default:
		return fmt.Errorf("time from %T", v)
	}
	return nil
}

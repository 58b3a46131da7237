package handlers

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"github.com/go-identity/identity/store"
)

// none is an input or output with nothing in it.
type none struct{}

// An opt is a body field that tells apart what is left out, null, and a value.
type opt[T any] struct {
	Set   bool // it is in the body
	Null  bool // as null
	Value T
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *opt[T]) UnmarshalJSON(raw []byte) error {
	o.Set, o.Null = true, string(raw) == "null"
	return json.Unmarshal(raw, &o.Value)
}

func (o opt[T]) shape() (*shape, error) {
	s, err := newShape(reflect.TypeFor[T]())
	if err == nil {
		s.nullable = true
	}
	return s, err
}

// Pointer returns nil for a value that is left out or null.
func (o opt[T]) Pointer() *T {
	if !o.Set || o.Null {
		return nil
	}
	return &o.Value
}

// A stamp is a time as the wire shows it: UTC with milliseconds. The zero stamp is null.
type stamp time.Time

// MarshalJSON implements json.Marshaler.
func (s stamp) MarshalJSON() ([]byte, error) {
	t := time.Time(s)
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

func (s stamp) shape() (*shape, error) {
	return &shape{kind: aText, rules: rules{format: "date-time"}}, nil
}

// page is how callers ask for part of a list: embed it in an input. _offset counts pages,
// not records. _after is the cursor of an earlier answer's link and wins over it.
type page struct {
	Limit  int        `query:"_limit" min:"1" max:"2000"`
	Offset int        `query:"_offset" min:"0" max:"1000000"`
	SortBy string     `query:"_sortBy" maxLength:"64"`
	Order  string     `query:"_order" enum:"ASC|DESC"`
	After  string     `query:"_after" maxLength:"1024"`
	Query  url.Values `query:"*"`
}

// defaultLimit is the size of a page for callers that name none.
const defaultLimit = 50

func (p page) size() int {
	if p.Limit == 0 {
		return defaultLimit
	}
	return p.Limit
}

// store returns what the page asks of a listing.
func (p page) store() store.Page {
	return store.Page{
		Limit: p.size(), Offset: p.size() * p.Offset, After: p.After,
		Sort: p.SortBy, Desc: p.Order == "DESC",
	}
}

// A listing is one page of a list.
type listing[T any] struct {
	Items    []T      `json:"items"`
	Links    links    `json:"_links"`
	Metadata metadata `json:"_metadata"`
}

// links are the queries of other pages; empty where there is none.
type links struct {
	Next  string `json:"next"`
	Prev  string `json:"prev"`
	First string `json:"first"`
	Last  string `json:"last"`
}

type metadata struct {
	TotalItems int `json:"totalItems"`
	TotalPages int `json:"totalPages"`
}

// list makes one page of the wire from one of the store.
func list[N, T any](p page, l store.Listing[N], to func(N) T) listing[T] {
	pages := (l.Total + p.size() - 1) / p.size()
	return listing[T]{
		Items:    each(l.Items, to),
		Links:    p.links(l.Next, pages),
		Metadata: metadata{TotalItems: l.Total, TotalPages: pages},
	}
}

// links follow a cursor where the store gave one, so that depth costs nothing.
func (p page) links(next string, pages int) links {
	l := links{First: p.link("_offset", "0"), Last: p.link("_offset", strconv.Itoa(max(0, pages-1)))}
	switch {
	case next != "":
		l.Next = p.link("_after", next)
	case p.After == "" && p.Offset+1 < pages:
		l.Next = p.link("_offset", strconv.Itoa(p.Offset+1))
	}
	if p.After == "" && p.Offset > 0 {
		l.Prev = p.link("_offset", strconv.Itoa(p.Offset-1))
	}
	return l
}

// link is the query of the same list at another place.
func (p page) link(name, value string) string {
	q := url.Values{}
	for k, v := range p.Query {
		if k != "_offset" && k != "_after" {
			q[k] = v
		}
	}
	q.Set(name, value)
	return "?" + q.Encode()
}

// each turns nouns into what the wire shows.
func each[R, T any](rs []R, to func(R) T) []T {
	out := make([]T, len(rs))
	for i, r := range rs {
		out[i] = to(r)
	}
	return out
}

package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func pageTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"SQL-03 page": testPage, "PageKeyset": testPageKeyset, "PageStable": testPageStable, "PageCursor": testPageCursor,
	}
}

// crowd stores n users, three of each creation time, and returns their ids in order.
func crowd(t *testing.T, s store.Store, n int) []string {
	t.Helper()
	var ids []string
	for i := range n {
		id := fmt.Sprintf("u%03d", i)
		must(t, s.CreateUser(t.Context(), store.User{ID: id, Name: "same", CreatedAt: now().Add(time.Duration(i/3) * time.Second)}),
			s.CreateMembership(t.Context(), store.Membership{TenantID: "t1", UserID: id}))
		ids = append(ids, id)
	}
	return ids
}

func testPage(t *testing.T, s store.Store) {
	ids := crowd(t, s, 60)
	for _, tt := range []struct {
		what  string
		page  store.Page
		first int
		n     int
	}{
		{"zero", store.Page{}, 0, 50}, {"offset", store.Page{Offset: 50}, 50, 10}, {"limit", store.Page{Limit: 7, Offset: 3}, 3, 7},
		{"beyond the end", store.Page{Offset: 60}, 0, 0}, {"far beyond", store.Page{Offset: 1 << 40}, 0, 0},
		{"negative", store.Page{Limit: -1, Offset: -1}, 0, 50}, {"too many", store.Page{Limit: 1 << 30}, 0, 60},
	} {
		got, err := s.Users(t.Context(), store.UserQuery{Page: tt.page})
		must(t, err)
		equal(t, tt.what, each(got.Items, userID), ids[tt.first:tt.first+tt.n])
		equal(t, tt.what+": total", got.Total, 60)
		equal(t, tt.what+": more", got.Next != "", tt.n > 0 && tt.first+tt.n < 60)
	}
}

func testPageKeyset(t *testing.T, s store.Store) {
	ids := crowd(t, s, 23)
	for _, q := range []store.UserQuery{{}, {TenantID: "t1"}, {NamePrefix: "SAME"}} {
		for _, desc := range []bool{false, true} {
			q.Page = store.Page{Limit: 5, Desc: desc, Offset: 0}
			want := slices.Clone(ids)
			if desc {
				slices.Reverse(want)
			}
			equal(t, fmt.Sprintf("pages of %+v", q), walk(t, s, q), want)
		}
	}
}

// walk follows the cursors from page to page.
func walk(t *testing.T, s store.Store, q store.UserQuery) []string {
	t.Helper()
	var all []string
	for range 100 {
		got, err := s.Users(t.Context(), q)
		must(t, err)
		equal(t, "total", got.Total, 23)
		all = append(all, each(got.Items, userID)...)
		if got.Next == "" {
			return all
		}
		q.After, q.Offset = got.Next, 7 // a cursor wins over an offset
	}
	t.Fatal("the pages do not end")
	return nil
}

// testPageStable checks that a cursor neither skips nor repeats when others come and go.
func testPageStable(t *testing.T, s store.Store) {
	ctx := t.Context()
	ids := crowd(t, s, 12)
	q := store.UserQuery{Page: store.Page{Limit: 5}}
	first, err := s.Users(ctx, q)
	must(t, err)
	must(t, s.DeleteUser(ctx, ids[0]), s.DeleteUser(ctx, ids[4]),
		s.CreateUser(ctx, store.User{ID: "before", CreatedAt: now().Add(-time.Hour)}))
	q.After = first.Next
	second, err := s.Users(ctx, q)
	must(t, err)
	equal(t, "the second page", each(second.Items, userID), ids[5:10])
	for _, sort := range []string{"name", "verified", "provider"} {
		var all []string
		for offset := 0; offset < 11; offset += 4 {
			got, err := s.Users(ctx, store.UserQuery{Page: store.Page{Limit: 4, Offset: offset, Sort: sort}})
			must(t, err)
			all = append(all, each(got.Items, userID)...)
		}
		slices.Sort(all)
		equal(t, "everyone once, sorted by "+sort, len(slices.Compact(all)), 11)
	}
}

func testPageCursor(t *testing.T, s store.Store) {
	ctx := t.Context()
	crowd(t, s, 6)
	got, err := s.Users(ctx, store.UserQuery{Page: store.Page{Limit: 2}})
	must(t, err)
	for what, page := range map[string]store.Page{
		"nonsense": {After: "nonsense"}, "not base64": {After: "%%%"}, "no JSON": {After: "e30x"}, "empty JSON": {After: "e30"},
		"cut": {After: got.Next[:len(got.Next)-1]}, "other direction": {After: got.Next, Desc: true},
		"other order": {After: got.Next, Sort: "name"}, "null": {After: "bnVsbA"}, "padded": {After: got.Next + "="},
		"far time": {After: "eyJhIjo5MjIzMzcyMDM2ODU0Nzc1ODA3LCJpIjoieCJ9"},
	} {
		fails(s.Users(ctx, store.UserQuery{Page: page}))(t, what, store.ErrInvalid)
	}
}

package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func templateTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"Template": testTemplate, "TemplateKey": testTemplateKey, "TemplateQuery": testTemplateQuery,
		"TemplatePages": testTemplatePages,
	}
}

// newTemplate is a template whose every field has a value of its own.
func newTemplate(id string) store.Template {
	return store.Template{
		ID: id, Key: "key-" + id, Name: "Name " + id, Description: "d", Lifetime: 180 * 24 * time.Hour, Algorithm: "HS256",
		Claims: `{ "b": "{{sub}}", "a": 1e2, "é": "<>\u00e9" }`, CreatedAt: now(), UpdatedAt: now().Add(time.Second),
	}
}

func testTemplate(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, b := newTemplate("a"), newTemplate("b")
	must(t, s.CreateTemplate(ctx, a), s.CreateTemplate(ctx, b))
	returns(s.Template(ctx, "a"))(t, "Template, its claims byte by byte", a)
	fails(s.Template(ctx, "z"))(t, "an unknown one", store.ErrNotFound)
	refused(t, "the id twice",
		s.CreateTemplate(ctx, store.Template{ID: "a", Key: "k", CreatedAt: now(), UpdatedAt: now()}), store.ErrConflict)

	changed := store.Template{
		ID: "a", Key: "k", Name: "n", Lifetime: 10 * time.Second, Algorithm: "RS256", Claims: `{}`,
		CreatedAt: a.CreatedAt, UpdatedAt: now().Add(time.Hour),
	}
	update := changed
	update.CreatedAt = now().Add(time.Minute)
	must(t, s.UpdateTemplate(ctx, update))
	returns(s.Template(ctx, "a"))(t, "after UpdateTemplate", changed)
	returns(s.Template(ctx, "b"))(t, "another one", b)
	refused(t, "updating an unknown one", s.UpdateTemplate(ctx, newTemplate("z")), store.ErrNotFound)

	must(t, s.DeleteTemplate(ctx, "a"))
	fails(s.Template(ctx, "a"))(t, "after DeleteTemplate", store.ErrNotFound)
	refused(t, "deleting twice", s.DeleteTemplate(ctx, "a"), store.ErrNotFound)
}

func testTemplateKey(t *testing.T, s store.Store) {
	ctx := t.Context()
	keyed := func(id, key string) store.Template {
		n := newTemplate(id)
		n.Key = key
		return n
	}
	must(t, s.CreateTemplate(ctx, keyed("a", "k")), s.CreateTemplate(ctx, keyed("b", "K")))
	refused(t, "the key twice", s.CreateTemplate(ctx, keyed("c", "k")), store.ErrConflict)
	refused(t, "a key that is taken", s.UpdateTemplate(ctx, keyed("b", "k")), store.ErrConflict)
	must(t, s.UpdateTemplate(ctx, keyed("b", "K")), s.DeleteTemplate(ctx, "a"), s.CreateTemplate(ctx, keyed("c", "k")))
	got := race(8, func(i int) error { return s.CreateTemplate(ctx, keyed(string(rune('m'+i)), "one")) })
	equal(t, "processes that take one key", got, map[string]int{"ok": 1, "conflict": 7})
}

func testTemplateQuery(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i, name := range []string{"beta", "Alpha", "álpha", "a_x", "gamma"} {
		must(t, s.CreateTemplate(ctx, store.Template{
			ID: string(rune('e' - i)), Key: string("vWxYz"[i]), Name: name,
			CreatedAt: now().Add(time.Duration(i) * time.Second), UpdatedAt: now().Add(time.Duration(i*i-3*i) * time.Second),
		}))
	}
	sorted := func(by string, desc bool) store.TemplateQuery {
		return store.TemplateQuery{Page: store.Page{Sort: by, Desc: desc}}
	}
	for _, tt := range []struct {
		what string
		q    store.TemplateQuery
		want string
	}{
		{"all", store.TemplateQuery{}, "beta Alpha álpha a_x gamma"},
		{"keys", store.TemplateQuery{Keys: []string{"z", "w", "v"}}, "beta gamma"},
		{"ids", store.TemplateQuery{IDs: []string{"a", "e", "z"}}, "beta gamma"},
		{"ids and keys", store.TemplateQuery{IDs: []string{"a", "e"}, Keys: []string{"z"}}, "gamma"},
		{"nothing has both", store.TemplateQuery{IDs: []string{"a"}, Keys: []string{"v"}}, ""},
		{"by name", sorted("name", false), "a_x Alpha beta gamma álpha"},
		{"by key", sorted("key", false), "Alpha a_x beta álpha gamma"},
		{"by id", sorted("id", false), "gamma a_x álpha Alpha beta"},
		{"by time, backwards", sorted("createdAt", true), "gamma a_x álpha Alpha beta"},
		{"by change", sorted("updatedAt", false), "álpha Alpha a_x beta gamma"},
	} {
		got, err := s.Templates(ctx, tt.q)
		must(t, err)
		equal(t, tt.what, words(got.Items, func(n store.Template) string { return n.Name }), tt.want)
		equal(t, tt.what+": total", got.Total, len(got.Items))
	}
	fails(s.Templates(ctx, sorted("claims", false)))(t, "by claims", store.ErrInvalid)
	many := make([]string, store.MaxLimit+1)
	fails(s.Templates(ctx, store.TemplateQuery{IDs: many}))(t, "too many ids", store.ErrInvalid)
	fails(s.Templates(ctx, store.TemplateQuery{Keys: many}))(t, "too many keys", store.ErrInvalid)
}

func testTemplatePages(t *testing.T, s store.Store) {
	ctx := t.Context()
	for _, id := range []string{"c", "a", "e", "b", "d"} {
		must(t, s.CreateTemplate(ctx, newTemplate(id)))
	}
	id := func(n store.Template) string { return n.ID }
	q := store.TemplateQuery{Page: store.Page{Limit: 2}}
	var all []string
	for {
		l, err := s.Templates(ctx, q)
		must(t, err)
		all = append(all, each(l.Items, id)...)
		if q.After = l.Next; l.Next == "" {
			break
		}
	}
	equal(t, "page by page", all, []string{"a", "b", "c", "d", "e"})
	l, err := s.Templates(ctx, store.TemplateQuery{Page: store.Page{Limit: 2, Offset: 2, Sort: "key", Desc: true}})
	must(t, err)
	equal(t, "the second page by key, backwards", words(l.Items, id), "c b")
}

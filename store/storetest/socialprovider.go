package storetest

import (
	"strconv"
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func socialProviderTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){
		"SocialProvider": testSocialProvider, "SocialProviderRace": testSocialProviderRace,
	}
}

func newSocialProvider(id, kind string) store.SocialProvider {
	return store.SocialProvider{
		ID: id, Type: kind, Custom: true, Active: true, Settings: `{"clientId":"c"}`, Secret: []byte{0, 1, 0xff},
		CreatedAt: now(), UpdatedAt: now().Add(time.Minute),
	}
}

func testSocialProvider(t *testing.T, s store.Store) {
	ctx, p := t.Context(), newSocialProvider("p1", "google")
	must(t, s.CreateSocialProvider(ctx, p))
	returns(s.SocialProvider(ctx, "p1"))(t, "SocialProvider", p)
	refused(t, "the id twice", s.CreateSocialProvider(ctx, newSocialProvider("p1", "github")), store.ErrConflict)
	refused(t, "the type twice", s.CreateSocialProvider(ctx, newSocialProvider("p2", "google")), store.ErrConflict)
	fails(s.SocialProvider(ctx, "google"))(t, "unknown provider", store.ErrNotFound)

	bare := store.SocialProvider{ID: "p2", Type: "Zeta", CreatedAt: now()}
	must(t, s.CreateSocialProvider(ctx, bare), s.CreateSocialProvider(ctx, newSocialProvider("p3", "apple")))
	returns(s.SocialProvider(ctx, "p2"))(t, "with nothing set", bare)
	all, err := s.SocialProviders(ctx)
	must(t, err)
	equal(t, "by type", words(all, func(p store.SocialProvider) string { return p.Type }), "Zeta apple google")

	changed := store.SocialProvider{ID: "p1", Type: "mine", UpdatedAt: now().Add(time.Hour)}
	must(t, s.UpdateSocialProvider(ctx, changed))
	changed.Custom, changed.CreatedAt = true, p.CreatedAt
	returns(s.SocialProvider(ctx, "p1"))(t, "after UpdateSocialProvider", changed)
	changed.Type = "apple"
	refused(t, "a type that is taken", s.UpdateSocialProvider(ctx, changed), store.ErrConflict)
	refused(t, "an update of none", s.UpdateSocialProvider(ctx, newSocialProvider("p9", "x")), store.ErrNotFound)
	must(t, s.DeleteSocialProvider(ctx, "p1"))
	refused(t, "deleting twice", s.DeleteSocialProvider(ctx, "p1"), store.ErrNotFound)
	refused(t, "deleting by type", s.DeleteSocialProvider(ctx, "apple"), store.ErrNotFound)
	must(t, s.CreateSocialProvider(ctx, newSocialProvider("p1", "mine")))
}

func testSocialProviderRace(t *testing.T, s store.Store) {
	got := race(12, func(i int) error {
		return s.CreateSocialProvider(t.Context(), newSocialProvider(strconv.Itoa(i), "google"))
	})
	equal(t, "providers of one type", got, map[string]int{"ok": 1, "conflict": 11})
}

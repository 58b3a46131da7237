package storetest

import (
	"testing"

	"github.com/go-identity/identity/store"
)

func settingTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"Setting": testSetting}
}

func testSetting(t *testing.T, s store.Store) {
	ctx := t.Context()
	fails(s.Setting(ctx, "", "lockout"))(t, "none yet", store.ErrNotFound)
	must(t, s.PutSetting(ctx, "", "lockout", []byte(`{"max":5}`)), s.PutSetting(ctx, "t1", "lockout", []byte(`{"max":6}`)),
		s.PutSetting(ctx, "", "other", []byte(`[1]`)))
	returns(s.Setting(ctx, "", "lockout"))(t, "Setting", []byte(`{"max":5}`))
	must(t, s.PutSetting(ctx, "", "lockout", []byte(`{"max":7}`)))
	returns(s.Setting(ctx, "", "lockout"))(t, "replaced", []byte(`{"max":7}`))
	returns(s.Setting(ctx, "t1", "lockout"))(t, "of a tenant", []byte(`{"max":6}`))
	refused(t, "creating what is there", s.CreateSetting(ctx, "t1", "lockout", []byte(`{}`)), store.ErrConflict)
	must(t, s.CreateSetting(ctx, "t2", "lockout", []byte(`{}`)))
	returns(s.Setting(ctx, "t2", "lockout"))(t, "created", []byte(`{}`))
	returns(s.Settings(ctx, "lockout", "", "t1", "t2", "t3", "t1"))(t, "of several scopes",
		map[string][]byte{"": []byte(`{"max":7}`), "t1": []byte(`{"max":6}`), "t2": []byte(`{}`)})
	returns(s.Settings(ctx, "lockout"))(t, "of no scope", map[string][]byte{})
	must(t, s.DeleteSetting(ctx, "t1", "lockout"), s.DeleteSetting(ctx, "t1", "lockout"))
	fails(s.Setting(ctx, "t1", "lockout"))(t, "deleted", store.ErrNotFound)
	returns(s.Setting(ctx, "", "other"))(t, "another kind", []byte(`[1]`))
	got := race(8, func(int) error { return s.CreateSetting(ctx, "", "first start", []byte(`{}`)) })
	equal(t, "processes that start first", got, map[string]int{"ok": 1, "conflict": 7})
}

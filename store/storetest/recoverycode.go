package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func recoveryCodeTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"RecoveryCode": testRecoveryCode, "RecoveryCodeRace": testRecoveryCodeRace}
}

func newRecoveryCodes(userID string, hashes ...string) []store.RecoveryCode {
	var codes []store.RecoveryCode
	for _, h := range hashes {
		codes = append(codes, store.RecoveryCode{UserID: userID, Hash: []byte(h), CreatedAt: now()})
	}
	return codes
}

func testRecoveryCode(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	must(t, s.ReplaceRecoveryCodes(ctx, "u1", newRecoveryCodes("u1", "a", "c", "b")),
		s.ReplaceRecoveryCodes(ctx, "u2", newRecoveryCodes("u2", "a")))
	returns(s.RecoveryCodes(ctx, "u1"))(t, "RecoveryCodes", newRecoveryCodes("u1", "a", "b", "c"))

	at := now().Add(time.Minute)
	must(t, s.UseRecoveryCode(ctx, "u1", []byte("a"), at))
	refused(t, "a code twice", s.UseRecoveryCode(ctx, "u1", []byte("a"), at), store.ErrNotFound)
	refused(t, "another user's", s.UseRecoveryCode(ctx, "u2", []byte("b"), at), store.ErrNotFound)
	refused(t, "no hash", s.UseRecoveryCode(ctx, "u1", nil, at), store.ErrNotFound)
	used := newRecoveryCodes("u1", "a", "b", "c")
	used[0].UsedAt = at
	returns(s.RecoveryCodes(ctx, "u1"))(t, "a used one is still there", used)
	returns(s.RecoveryCodes(ctx, "u2"))(t, "another user's are untouched", newRecoveryCodes("u2", "a"))

	must(t, s.ReplaceRecoveryCodes(ctx, "u1", newRecoveryCodes("u1", "d")))
	returns(s.RecoveryCodes(ctx, "u1"))(t, "replaced", newRecoveryCodes("u1", "d"))
	must(t, s.ReplaceRecoveryCodes(ctx, "u1", nil), s.ReplaceRecoveryCodes(ctx, "nobody", nil))
	returns(s.RecoveryCodes(ctx, "u1"))(t, "removed", []store.RecoveryCode(nil))
	refused(t, "of nobody", s.ReplaceRecoveryCodes(ctx, "nobody", newRecoveryCodes("nobody", "a")), store.ErrNotFound)
}

func testRecoveryCodeRace(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1")
	must(t, s.ReplaceRecoveryCodes(ctx, "u1", newRecoveryCodes("u1", "a", "b")))
	got := race(32, func(int) error { return s.UseRecoveryCode(ctx, "u1", []byte("a"), now()) })
	equal(t, "callers with one code", got, map[string]int{"ok": 1, "not found": 31})
}

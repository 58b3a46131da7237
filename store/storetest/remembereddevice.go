package storetest

import (
	"testing"
	"time"

	"github.com/go-identity/identity/store"
)

func rememberedDeviceTests() map[string]func(*testing.T, store.Store) {
	return map[string]func(*testing.T, store.Store){"RememberedDevice": testRememberedDevice}
}

func testRememberedDevice(t *testing.T, s store.Store) {
	ctx := t.Context()
	exists(t, s, "u1", "u2")
	d := store.RememberedDevice{UserID: "u1", Device: "d1", Binding: []byte("b"), CreatedAt: now(), ExpiresAt: now().Add(time.Hour)}
	other, nobodys := d, d
	other.Device, nobodys.UserID = "d2", "nobody"
	must(t, s.PutRememberedDevice(ctx, d), s.PutRememberedDevice(ctx, other))
	refused(t, "of nobody", s.PutRememberedDevice(ctx, nobodys), store.ErrNotFound)
	returns(s.RememberedDevice(ctx, "u1", "d1"))(t, "RememberedDevice", d)
	fails(s.RememberedDevice(ctx, "u2", "d1"))(t, "another user's", store.ErrNotFound)
	fails(s.RememberedDevice(ctx, "u1", "d3"))(t, "another device", store.ErrNotFound)

	d.Binding, d.CreatedAt, d.ExpiresAt = []byte("c"), now().Add(time.Minute), now().Add(2*time.Hour)
	must(t, s.PutRememberedDevice(ctx, d))
	returns(s.RememberedDevice(ctx, "u1", "d1"))(t, "replaced", d)

	returns(s.SweepRememberedDevices(ctx, other.ExpiresAt))(t, "swept", 0)
	returns(s.SweepRememberedDevices(ctx, other.ExpiresAt.Add(time.Microsecond)))(t, "swept", 1)
	fails(s.RememberedDevice(ctx, "u1", "d2"))(t, "swept", store.ErrNotFound)
	mine := d
	mine.UserID = "u2"
	must(t, s.PutRememberedDevice(ctx, mine), s.ForgetDevices(ctx, "u1"), s.ForgetDevices(ctx, "u1"))
	fails(s.RememberedDevice(ctx, "u1", "d1"))(t, "forgotten", store.ErrNotFound)
	returns(s.RememberedDevice(ctx, "u2", "d1"))(t, "another user's", mine)
}

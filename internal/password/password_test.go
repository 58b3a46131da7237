package password_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/password"
)

const good = "correct horse battery staple"

// quick is a Hasher of the least memory, for tests that are not about cost.
func quick(t testing.TB, change ...func(*password.Config)) *password.Hasher {
	t.Helper()
	c := password.Config{Memory: 64, Time: 1, Limit: 2}
	for _, f := range change {
		f(&c)
	}
	h, err := password.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustHash(t testing.TB, h *password.Hasher, pw string) string {
	t.Helper()
	stored, err := h.Hash(t.Context(), pw)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestHashVerifies(t *testing.T) {
	t.Parallel()
	h, err := password.New(password.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stored := mustHash(t, h, good)
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(stored, want) {
		t.Errorf("Hash = %s, want it to begin with %s", stored, want)
	}
	if again := mustHash(t, h, good); again == stored {
		t.Error("two hashes of one password are equal: the salt repeats")
	}
	for pw, want := range map[string]bool{good: true, good + " ": false, strings.ToUpper(good): false, "": false} {
		ok, rehash, err := h.Verify(t.Context(), stored, pw)
		if ok != want || rehash || err != nil {
			t.Errorf("Verify(%q) = %v, %v, %v, want %v, false, nil", pw, ok, rehash, err, want)
		}
	}
}

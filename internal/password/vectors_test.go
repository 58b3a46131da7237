package password_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/password"
)

// A vector is a row of the shared list of password hashes.
type vector struct {
	Source, Password, Encoded, Result, Comment string
}

func vectors(t testing.TB) []vector {
	t.Helper()
	var list struct{ Vectors []vector }
	if err := json.Unmarshal(corpus(t, "password-hashes/vectors.json"), &list); err != nil {
		t.Fatal(err)
	}
	return list.Vectors
}

// unsupported lists the formats that we do not verify, on purpose, with how many sound rows
// each has.
func unsupported() map[string]int {
	return map[string]int{
		"$md5": 3, "$md5-crypt": 3, "md5": 1, "88a434c88cca4e900f7874cd98123f43": 1, // MD5
		"$hmac-md4": 1, "$hmac-md5": 1, "$hmac-sha1": 1, "$hmac-sha224": 1, // keyed with the password
		"$hmac-sha256": 1, "$hmac-sha384": 1, "$hmac-sha512": 1,
		"$sha1": 5, "$sha256": 2, "$sha512": 2, // a format string around one round
		"$sha256-crypt": 2, "$sha512-crypt": 2, "$1": 1, "$S": 1, // crypt(3), Drupal
		"$argon2d": 1, "$argon2i old": 9, // open to side channels; version 16
		"sha1 unsalted":  1,
		"$pbkdf2-sha224": 1, "$pbkdf2-sha384": 1, // some mean SHA-3 by these names
	}
}

// family names the format of a row.
func family(v vector) string {
	parts := strings.Split(v.Encoded, "$")
	switch {
	case strings.HasPrefix(v.Encoded, "$argon2i$m="):
		return "$argon2i old"
	case strings.HasPrefix(v.Encoded, "sha1$$"):
		return "sha1 unsalted"
	case parts[0] == "" && len(parts) > 1:
		return "$" + parts[1]
	}
	return parts[0]
}

// tooBig reports whether a row takes more memory or time than a test should, unless all is
// asked for: it is recognized, not computed.
func tooBig(v vector) bool {
	if strings.Contains(os.Getenv("IDENTITY_REQUIRE"), "corpora") {
		return false
	}
	large := strings.Contains(v.Encoded, "m=1048576,") || strings.Contains(v.Encoded, "m=262144,") ||
		strings.Contains(v.Encoded, "m=65536,")
	return large && v.Result == "valid" || strings.HasPrefix(v.Encoded, "$2a$15$")
}

// TestVectors verifies the hashes of other systems, and refuses what is wrong or hostile.
func TestVectors(t *testing.T) {
	t.Parallel()
	h, seen, verified := quick(t), map[string]int{}, 0
	for i, v := range vectors(t) {
		name := family(v)
		if v.Result == "valid" && unsupported()[name] > 0 {
			seen[name]++
			if err := password.Recognize(v.Encoded); !errors.Is(err, password.ErrHash) {
				t.Errorf("row %d, %.40s: Recognize = %v, want ErrHash", i, v.Encoded, err)
			}
			continue
		}
		if tooBig(v) {
			if err := password.Recognize(v.Encoded); err != nil {
				t.Errorf("row %d, %.40s: Recognize = %v, want nil", i, v.Encoded, err)
			}
			continue
		}
		ok, rehash, err := h.Verify(t.Context(), v.Encoded, v.Password)
		if ok != (v.Result == "valid") || rehash != ok || ok && err != nil {
			t.Errorf("row %d, %.60s (%s): Verify(%q) = %v, %v, %v, want %s", i, v.Encoded, v.Comment, v.Password, ok, rehash, err, v.Result)
		}
		if ok {
			verified++
		}
	}
	for name, want := range unsupported() {
		if seen[name] != want {
			t.Errorf("%d sound rows of the format %s are refused, want %d", seen[name], name, want)
		}
	}
	t.Logf("%d rows verified, each to be replaced by our own hash", verified)
}

func FuzzPHC(f *testing.F) {
	for _, seed := range []string{
		"", "!", "$", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=1,p=1,keyid=a$c29tZXNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA",
		"$scrypt$ln=2,r=1,p=1$c29tZXNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha256$1$c29tZXNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha256$i=1,l=16$c29tZXNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAA",
		"pbkdf2_sha256$1$salt$AAAAAAAAAAAAAAAAAAAAAA==", "{SSHA}JFZFs0oHzxbMwkSJmYVeI8MnTDy/276a",
		"sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8",
		"$fbscrypt$v=1,n=1,r=1,p=1,ss=Bw==,sk=AAAA$C0sHCg9ek77hsg==$AAAA",
		"AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw",
		"$2a$04$mIJxfrCaEI3GukZe11CiXublhEFanu5.ododkll1WphfSp6pn4zIu",
	} {
		f.Add(seed)
	}
	h := quick(f)
	f.Fuzz(func(t *testing.T, stored string) {
		if err := password.Recognize(stored); err != nil {
			if !errors.Is(err, password.ErrHash) {
				t.Fatalf("Recognize(%q) = %v, want ErrHash", stored, err)
			}
		} else if expensive(stored) {
			return
		}
		if ok, _, _ := h.Verify(t.Context(), stored, "no such password, surely"); ok {
			t.Fatalf("Verify(%q) accepts a password that nobody chose", stored)
		}
	})
}

// expensive reports whether a recognized hash takes more work than a fuzzer has time for.
func expensive(stored string) bool {
	cheap := []string{"m=8,t=1,p=1", "ln=2,r=1,p=1", "n=1,r=1,p=1", "$1$", "i=1,", "{SSHA", "sha1$"}
	for _, c := range cheap {
		if strings.Contains(stored, c) {
			return false
		}
	}
	return true
}

package password_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/password"
)

var update = flag.Bool("update", false, "write dictionary.bin anew")

// corpus reads a file of the shared test data, which is not part of the module.
func corpus(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(needs.Shared(t, "corpora", "corpora", path))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func commonList(t testing.TB) []string {
	t.Helper()
	return strings.Fields(string(corpus(t, "common-passwords/top10000.txt")))
}

// TestDictionary proves that the embedded hashes are those of the published list; with
// -update it writes them.
func TestDictionary(t *testing.T) {
	t.Parallel()
	var sums []string
	for _, word := range commonList(t) {
		sum := sha256.Sum256([]byte(strings.ToLower(word)))
		sums = append(sums, string(sum[:5]))
	}
	slices.Sort(sums)
	want := []byte(strings.Join(slices.Compact(sums), ""))
	if *update {
		if err := os.WriteFile("dictionary.bin", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile("dictionary.bin")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("dictionary.bin has %d bytes, %v, want those of the %d in the list: run with -update", len(got), err, len(want))
	}
}

func TestAttackCommonPasswords(t *testing.T) {
	t.Parallel()
	t.Run("PW-18 the ten thousand most common", func(t *testing.T) {
		t.Parallel()
		for _, least := range []int{8, 15} {
			p, checked := password.Policy{MinLength: least}, 0
			for _, word := range commonList(t) {
				if utf8.RuneCountInString(word) < least {
					continue
				}
				checked++
				for _, w := range []string{word, strings.ToUpper(word), strings.ToUpper(word[:1]) + word[1:]} {
					if err := password.Check(t.Context(), p, w); err == nil {
						t.Errorf("least %d: Check(%q) = nil, want a refusal", least, w)
					}
				}
			}
			t.Logf("refused all %d of the list that have %d characters or more", checked, least)
		}
	})
}

package service_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
)

func TestEmailDomain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		address, want string
		ok            bool
	}{
		{"ann@acme.example", "acme.example", true},
		{" Ann@ACME.Example. ", "acme.example", true},
		{"ann@bücher.example", "xn--bcher-kva.example", true},
		{"ann@xn--bcher-kva.example", "xn--bcher-kva.example", true},
		{"ann", "", false}, {"@acme.example", "", false}, {"ann@localhost", "", false}, {"ann@[192.0.2.1]", "", false},
		{"ann@evil.example@acme.example", "", false},
	} {
		if got, ok := service.EmailDomain(tt.address); got != tt.want || ok != tt.ok {
			t.Errorf("emailDomain(%q) = %q, %t, want %q, %t", tt.address, got, ok, tt.want, tt.ok)
		}
	}
}

func TestAttackDomainNames(t *testing.T) {
	t.Parallel()
	t.Run("INV-11 names that many share, and names that are none", func(t *testing.T) {
		t.Parallel()
		for _, bad := range strings.Fields(`
			gmail.com GMAIL.com gmail.com. googlemail.com outlook.com hotmail.com yahoo.com yahoo.co.uk icloud.com
			proton.me qq.com vip.qq.com mail.gmail.com privaterelay.appleid.com ｇｍａｉｌ.com gmail。com
			com co.uk CO.UK co.uk. github.io blogspot.com s3.amazonaws.com xn--p1ai localhost intranet
			127.0.0.1 1.2.3.4 0x7f.0x1 127.1 [::1] ::1 2130706433 [127.0.0.1] a.0x1
			*.acme.com acme.* *.com .acme.com acme..com acme.com.. -acme.com acme-.com a_b.com acme.com:443
			http://acme.com acme.com/ user@acme.com xn--.com xn--a.com xn--zzzzzzzzz99999.com
		`) {
			name, err := service.Claimable(bad)
			wantCode(t, "claim "+bad+" (as "+name+")", err, fault.Invalid)
		}
		long := strings.Repeat("a.", 126) + "com"
		for _, bad := range []string{"", " ", "a b.com", "acme\x00.com", "\xff.com", long, strings.Repeat("a", 64) + ".com", "acme.com\n"} {
			wantCode(t, "claim "+bad, errOf(service.Claimable(bad)), fault.Invalid)
		}
	})
	t.Run("INV-11 one spelling of each name", func(t *testing.T) {
		t.Parallel()
		for spelled, want := range map[string]string{
			"Acme.COM": "acme.com", "acme.com.": "acme.com", " acme.com ": "acme.com", "BÜCHER.example": "xn--bcher-kva.example",
			"XN--BCHER-KVA.example": "xn--bcher-kva.example", "ａｃｍｅ.com": "acme.com", "acme。com": "acme.com",
			"mail.acme.co.uk": "mail.acme.co.uk", "notgmail.com": "notgmail.com", "acme.github.io": "acme.github.io",
			"1and1.com": "1and1.com", "acme.xn--p1ai": "acme.xn--p1ai",
		} {
			if got, err := service.Claimable(spelled); got != want || err != nil {
				t.Errorf("claim %q = %q, %v, want %q", spelled, got, err, want)
			}
		}
		for _, other := range []string{"Acme.com", "acme.com.", "bücher.example", " acme.com"} {
			wantCode(t, "the name "+other+" as it is", service.ClaimableName(other), fault.Invalid)
		}
	})
}

func FuzzClaimable(f *testing.F) {
	for _, seed := range []string{"acme.com", "co.uk", "xn--bcher-kva.example", "ｇｍａｉｌ.com", "*.a.b", "1.2.3.4"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := service.Claimable(text)
		if err != nil {
			return
		}
		again, err := service.Claimable(name)
		if again != name || err != nil {
			t.Errorf("%q is claimed as %q, which is claimed as %q, %v", text, name, again, err)
		}
		if at, ok := service.EmailDomain("ann@" + name); !ok && len(name) < 240 || ok && at != name {
			t.Errorf("an address in %q is in %q, %t", name, at, ok)
		}
	})
}

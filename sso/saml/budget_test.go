package saml_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-identity/identity/sso/saml"
)

// worst returns the most expensive documents that the scan lets through.
func worst() map[string]string {
	deep := strings.Repeat("<samlp:X>", 29) + strings.Repeat("</samlp:X>", 29)
	in := func(s string) string { return strings.Replace(plainResponse, "ASSERTION", s, 1) }
	prefixes := "<samlp:X"
	for i := range 60 {
		prefixes += " xmlns:a" + strings.Repeat("b", i) + `="urn:a"`
	}
	signed := func(info string) string {
		return in(`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>` + info +
			`</ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>`)
	}
	return map[string]string{
		"deep and wide":     in(strings.Repeat(deep, 160)),
		"many prefixes":     in(prefixes + ">" + strings.Repeat("<samlp:X/>", 4800) + "</samlp:X>"),
		"in the SignedInfo": signed(prefixes + ">" + strings.Repeat("<samlp:X/>", 4800) + "</samlp:X>"),
		"long text":         in("<samlp:X>" + strings.Repeat("x", 250<<10) + "</samlp:X>"),
		"references":        in("<samlp:X>" + strings.Repeat("&amp;", 50<<10) + "</samlp:X>"),
	}
}

// TestAttackBudget bounds what an answer costs that nobody signed: by the nodes that are
// read, and by a clock with room to spare.
func TestAttackBudget(t *testing.T) {
	t.Parallel()
	for name, doc := range worst() {
		t.Run("SAML-54 "+name, func(t *testing.T) {
			t.Parallel()
			if c, err := saml.Scan([]byte(doc)); err != nil || c.Nodes > 5000 {
				t.Fatalf("the scan refuses it at %d nodes: %s", c.Nodes, diagnosis(err))
			}
			body := base64.StdEncoding.EncodeToString([]byte(doc))
			start := time.Now()
			_, err := connection().Accept(t.Context(), saml.Answer{Body: body, RequestID: requestID, Now: noon()})
			if took := time.Since(start); diagnosis(err) == "" || took > 5*time.Second {
				t.Errorf("took %v: %v", took, err)
			}
			t.Logf("%v: %s", time.Since(start), diagnosis(err))
		})
	}
	for name, n := range map[string]int{"SAML-53 stops at once in 70 KB": 10_000, "SAML-53 does not read 700 KB": 100_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := saml.Scan([]byte(strings.Repeat("<a>", n) + strings.Repeat("</a>", n)))
			if diagnosis(err) == "" || c.Nodes > 40 {
				t.Errorf("read %d nodes, %v", c.Nodes, err)
			}
		})
	}
}

// BenchmarkAccept is what an answer costs: an honest one, and others that only cost.
func BenchmarkAccept(b *testing.B) {
	bomb := func(n int) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("<a>", n) + strings.Repeat("</a>", n)))
	}
	bodies := map[string]string{
		"honest": honest().body(b), "encrypted": honest().encrypted(sealed(256, gcm256)).body(b),
		"bomb of 70 kB": bomb(10_000), "bomb of 700 kB": bomb(100_000),
	}
	for name, doc := range worst() {
		bodies[name] = base64.StdEncoding.EncodeToString([]byte(doc))
	}
	for name, body := range bodies {
		b.Run(name, func(b *testing.B) {
			c := connection()
			b.ReportAllocs()
			for b.Loop() {
				c.Once = new(memory).once
				_, _ = c.Accept(b.Context(), saml.Answer{Body: body, RequestID: requestID, Now: noon()})
			}
		})
	}
}

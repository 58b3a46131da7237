package saml_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
)

func diagnosis(err error) string { return sso.Diagnosis(err) }

// An attack is a response that must be refused, and what the sentence is about.
type attack struct {
	name string
	p    idp
	want string
	set  func(*saml.Connection)
}

func run(t *testing.T, all []attack) {
	t.Helper()
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connection()
			if tt.set != nil {
				tt.set(c)
			}
			a, err := accept(t, c, tt.p)
			if a.Subject != "" {
				t.Errorf("a refusal names %q", a.Subject)
			}
			refused(t, err, tt.want)
		})
	}
}

// evil is an assertion that nobody signed.
func evil(id string) string {
	return strings.NewReplacer(`ID="_a1"`, `ID="`+id+`"`, ">alice<", ">mallory<").Replace(plainAssertion)
}

// wrapping moves the signed assertion to where and puts an evil one in its place.
func wrapping(id string, where func(signed, doc string) string) idp {
	return honest().then(func(doc string) string {
		start, end := strings.Index(doc, "<saml:Assertion"), strings.Index(doc, "</saml:Assertion>")+len("</saml:Assertion>")
		signed := doc[start:end]
		return where(signed, doc[:start]+evil(id)+doc[end:])
	})
}

func TestAttackWrapping(t *testing.T) {
	t.Parallel()
	into := func(before, after string) func(string, string) string {
		return func(signed, doc string) string {
			return strings.Replace(doc, "</samlp:Status>", "</samlp:Status>"+before+signed+after, 1)
		}
	}
	inside := func(mark, open, shut string) func(string, string) string {
		return func(signed, doc string) string { return strings.Replace(doc, mark, open+signed+shut+mark, 1) }
	}
	const object = `<ds:Object xmlns:ds="http://www.w3.org/2000/09/xmldsig#">`
	run(t, []attack{
		{"SAML-01 signed before evil", wrapping("_e", into("", "")), "more than one assertion", nil},
		{"SAML-01 same ID", wrapping("_a1", into("", "")), "", nil},
		{"SAML-01 signed inside evil", wrapping("_e", inside("</saml:Assertion>", "", "")), "more than one assertion", nil},
		{"SAML-06 evil before signed", honest().swap("</samlp:Status>", "</samlp:Status>"+evil("_e")), "more than one assertion", nil},
		{"SAML-07 extensions", wrapping("_e", into("<samlp:Extensions>", "</samlp:Extensions>")), "more than one assertion", nil},
		{"SAML-07 advice", wrapping("_e", inside("<saml:AuthnStatement", "<saml:Advice>", "</saml:Advice>")), "more than one assertion", nil},
		{"SAML-07 status detail", wrapping("_e", inside("</samlp:Status>", "<samlp:StatusDetail>", "</samlp:StatusDetail>")), "more than one assertion", nil},
		{"SAML-07 object", wrapping("_e", inside("</saml:Assertion>", object, "</ds:Object>")), "content of its own", nil},
		{"SAML-01 signed response moved into an object", honest().sign("response").then(func(doc string) string {
			return strings.Replace(strings.Replace(plainResponse, "ASSERTION", evil("_e"), 1), "</samlp:Response>",
				object+doc+"</ds:Object></samlp:Response>", 1)
		}), "", func(c *saml.Connection) { c.SignedResponse = true }},
		{"SAML-08 two assertions in a signed response", honest().sign("response").wrap("ASSERTION", "ASSERTION"+evil("_e")), "more than one assertion",
			func(c *saml.Connection) { c.SignedResponse = true }},
		{"SAML-02 two SignedInfo", honest().then(func(s string) string {
			_, info, _ := strings.Cut(s, "<ds:SignedInfo>")
			info, _, _ = strings.Cut(info, "</ds:SignedInfo>")
			return strings.Replace(s, "<ds:SignatureValue>", "<ds:SignedInfo>"+info+"</ds:SignedInfo><ds:SignatureValue>", 1)
		}), "unusual shape", nil},
		{"SAML-04 a namespace that readers disagree about", honest().swap("<samlp:Status>",
			"<samlp:Status xmlns:example=\"http://example.com\u0080\">"), "namespace", nil},
		{"SAML-05 entity for an ID", honest().then(func(s string) string {
			return `<!DOCTYPE r [<!ENTITY id "_a1">]>` + strings.Replace(s, `ID="_a1"`, `ID="&id;"`, 1)
		}), "DOCTYPE", nil},
		{"SAML-21 two elements with one ID", honest().swap(`ID="_r1"`, `ID="_a1"`), "same ID", nil},
	})
}

func TestAttackSignature(t *testing.T) {
	t.Parallel()
	reference := func(uri string) idp { return honest().swap(`URI="#_a1"`, `URI="`+uri+`"`) }
	transform := func(uri string) idp {
		return honest().swap(`Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`, `Transform Algorithm="`+uri+`"`)
	}
	method := func(uri string) idp { return honest().swap("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", uri) }
	sha1 := honest()
	sha1.method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	run(t, []attack{
		{"SAML-11 none signed", honest().sign("none"), "neither", nil},
		{"SAML-11 only the response signed", honest().sign("response"), "only the response", nil},
		{"SAML-11 the assertion's is broken", honest().sign("both").swap(">alice<", ">mallory<"), "changed", nil},
		{"SAML-11 the response's is broken", honest().sign("both").swap(`Destination="`, `Consent="x" Destination="`), "changed", nil},
		{"SAML-11 the inner one was broken before", func() idp {
			p := honest().sign("response")
			p.assertion = strings.Replace(p.signed(t, p.assertion), ">alice<", ">mallory<", 1)
			return p
		}(), "changed", func(c *saml.Connection) { c.SignedResponse = true }},
		{"SAML-13 another key, its certificate inside", honest().key(stranger()), "not the provider's", nil},
		{"SAML-14 another key, the provider's certificate inside", honest().key(pair{stranger().key, theirs().cert}), "not the provider's", nil},
		{"SAML-16 SHA-1", sha1, "not allowed", nil},
		{"SAML-16 MD5", method("http://www.w3.org/2001/04/xmldsig-more#rsa-md5"), "not allowed", nil},
		{"SAML-16 HMAC", method("http://www.w3.org/2000/09/xmldsig#hmac-sha1"), "not allowed", nil},
		{"SAML-16 digest", honest().swap("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"), "digest", nil},
		{"SAML-19 empty", reference(""), "something else", nil},
		{"SAML-19 hash alone", reference("#"), "something else", nil},
		{"SAML-19 other ID", reference("#_r1"), "something else", nil},
		{"SAML-19 address", reference("http://evil.example/a"), "something else", nil},
		{"SAML-19 xpointer", reference("#xpointer(/)"), "something else", nil},
		{"SAML-19 no URI", honest().swap(` URI="#_a1"`, ""), "something else", nil},
		{"SAML-19 two references", honest().then(func(s string) string {
			_, ref, _ := strings.Cut(s, "<ds:Reference")
			ref, _, _ = strings.Cut(ref, "</ds:Reference>")
			return strings.Replace(s, "</ds:SignedInfo>", "<ds:Reference"+ref+"</ds:Reference></ds:SignedInfo>", 1)
		}), "one reference", nil},
		{"SAML-20 XSLT", transform("http://www.w3.org/TR/1999/REC-xslt-19991116"), "transforms", nil},
		{"SAML-20 XPath", transform("http://www.w3.org/TR/1999/REC-xpath-19991116"), "transforms", nil},
		{"SAML-20 base64", transform("http://www.w3.org/2000/09/xmldsig#base64"), "transforms", nil},
		{"SAML-20 with comments", transform("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"), "transforms", nil},
		{"SAML-20 a hundred", honest().swap("<ds:Transforms>", "<ds:Transforms>"+strings.Repeat(
			`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`, 100)), "transforms", nil},
	})
}

// TestAttackComment keeps the whole of a name, whatever stands in its middle.
func TestAttackComment(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"comment": "admin@example.com<!---->.evil.example",
		"CDATA":   "admin@example.com<![CDATA[.evil.example]]>",
	} {
		t.Run("SAML-09 "+name, func(t *testing.T) {
			t.Parallel()
			a, err := accept(t, connection(), honest().edit(">alice<", ">"+text+"<").edit("alice@example.com", text))
			if want := "admin@example.com.evil.example"; err != nil || a.Subject != want || a.Email != want {
				t.Errorf("got %q, %q, %v; want %q", a.Subject, a.Email, err, want)
			}
			// Put in after signing it changes nothing either.
			a, err = accept(t, connection(), honest().edit(">alice<", ">admin@example.com.evil.example<").swap(".evil.example<", "<!--x-->.evil.example<"))
			if err != nil || a.Subject != "admin@example.com.evil.example" {
				t.Errorf("got %q, %v", a.Subject, err)
			}
		})
	}
	run(t, []attack{{"SAML-09 instruction", honest().edit(">alice<", ">ali<?x y?>ce<"), "processing instruction", nil}})
}

func TestAttackEnvelope(t *testing.T) {
	t.Parallel()
	run(t, []attack{
		{"SAML-12 InResponseTo", honest().swap(`InResponseTo="_request">`, `InResponseTo="_other">`), "another request", nil},
		{"SAML-12 Destination", honest().swap(`Destination="https://app`, `Destination="https://evil`), "addressed to", nil},
		{"SAML-12 status", honest().swap("status:Success", "status:Responder"), "Responder", nil},
		{"SAML-12 no status", honest().then(func(s string) string { return cut(s, "<samlp:Status>", "</samlp:Status>") }), "no status", nil},
		{"SAML-39 of the response", honest().swap(">https://idp.example/metadata<", ">https://other.example/metadata<"), "issuer", nil},
		{"SAML-40 version of the response", honest().swap(`ID="_r1" Version="2.0"`, `ID="_r1" Version="1.1"`), "version", nil},
		{"SAML-12 signed without a destination", honest().sign("both").wrap(` Destination="https://app.example/saml/1/acs"`, ""), "addressed to", nil},
	})
	// What only the response says never counts: with it gone the assertion decides.
	a, err := accept(t, connection(), honest().wrap(` InResponseTo="_request">`, ">").wrap(` Destination="https://app.example/saml/1/acs"`, ""))
	if err != nil || a.Subject != "alice" {
		t.Errorf("a response that says less: %q, %v", a.Subject, diagnosis(err))
	}
}

func TestAttackReplay(t *testing.T) {
	t.Parallel()
	t.Run("SAML-22 twice, and in a new response", func(t *testing.T) {
		t.Parallel()
		c := connection()
		if _, err := accept(t, c, honest()); err != nil {
			t.Fatal(err)
		}
		_, err := accept(t, c, honest())
		refused(t, err, "sent before")
		_, err = accept(t, c, honest().wrap(`ID="_r1"`, `ID="_r2"`))
		refused(t, err, "sent before")
	})
	t.Run("SAML-22 at once", func(t *testing.T) {
		t.Parallel()
		c, body, accepted := connection(), honest().body(t), make(chan bool, 8)
		var all sync.WaitGroup
		for range cap(accepted) {
			all.Go(func() {
				_, err := c.Accept(t.Context(), saml.Answer{Body: body, RequestID: requestID, Now: noon()})
				accepted <- err == nil
			})
		}
		all.Wait()
		close(accepted)
		n := 0
		for ok := range accepted {
			if ok {
				n++
			}
		}
		if n != 1 {
			t.Errorf("accepted %d times, want once", n)
		}
	})
	t.Run("SAML-22 no memory", func(t *testing.T) {
		t.Parallel()
		c := connection()
		c.Once = nil
		if _, err := accept(t, c, honest()); err == nil || diagnosis(err) != "" {
			t.Errorf("without a memory: %v, want an error that is ours", err)
		}
	})
	t.Run("SAML-22 remembered long enough", func(t *testing.T) {
		t.Parallel()
		c, m := connection(), new(memory)
		c.Once = m.once
		if _, err := accept(t, c, honest()); err != nil {
			t.Fatal(err)
		}
		for key, until := range m.seen {
			if want := noon().Add(5*time.Minute + 30*time.Second); !until.Equal(want) || !strings.HasSuffix(key, "/connection-1/_a1") {
				t.Errorf("%s until %v, want %v", key, until, want)
			}
		}
	})
}

func TestAttackRequest(t *testing.T) {
	t.Parallel()
	const data = ` InResponseTo="_request"/>`
	run(t, []attack{
		{"SAML-23 missing", honest().edit(data, "/>"), "another request", nil},
		{"SAML-23 empty", honest().edit(data, ` InResponseTo=""/>`), "another request", nil},
		{"SAML-23 another's", honest().edit(data, ` InResponseTo="_other"/>`), "another request", nil},
	})
	for _, tt := range []struct {
		name    string
		p       idp
		allowed bool
		want    string
	}{
		{"SAML-25 not allowed", honest().edit(data, "/>").wrap(` InResponseTo="_request">`, ">"), false, "nobody asked"},
		{"SAML-25 allowed, but an answer to somebody", honest().wrap(` InResponseTo="_request">`, ">"), true, "did not make"},
		{"SAML-25 allowed, the response says otherwise", honest().edit(data, "/>"), true, "another request"},
		{"SAML-25 allowed", honest().edit(data, "/>").wrap(` InResponseTo="_request">`, ">"), true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connection()
			c.Unsolicited = tt.allowed
			_, err := c.Accept(t.Context(), saml.Answer{Body: tt.p.body(t), Now: noon()})
			if tt.want == "" && err == nil {
				return
			}
			refused(t, err, tt.want)
		})
	}
}

func TestAttackProfile(t *testing.T) {
	t.Parallel()
	drop := func(from, to string) idp {
		p := honest()
		p.assertion = cut(p.assertion, from, to)
		return p
	}
	const audience = "<saml:Audience>https://app.example/saml/1</saml:Audience>"
	const restriction = "<saml:AudienceRestriction>" + audience + "</saml:AudienceRestriction>"
	other := strings.Replace(restriction, "saml/1<", "saml/2<", 1)
	run(t, []attack{
		{"SAML-26 no subject", drop("<saml:Subject>", "</saml:Subject>"), "one Subject", nil},
		{"SAML-27 no data", drop("<saml:SubjectConfirmationData", "/>"), "neither for whom", nil},
		{"SAML-28 no conditions", drop("<saml:Conditions", "</saml:Conditions>"), "one Conditions", nil},
		{"SAML-29 no confirmation", drop("<saml:SubjectConfirmation ", "</saml:SubjectConfirmation>"), "no bearer", nil},
		{"SAML-30 sender vouches", honest().edit("cm:bearer", "cm:sender-vouches"), "no bearer", nil},
		{"SAML-30 holder of key", honest().edit("cm:bearer", "cm:holder-of-key"), "no bearer", nil},
		{"SAML-30 no method", honest().edit(` Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"`, ""), "no bearer", nil},
		{"SAML-33 missing", honest().edit(restriction, ""), "no audience", nil},
		{"SAML-33 other", honest().edit(restriction, other), "another audience", nil},
		{"SAML-33 two restrictions, ours and another", honest().edit(restriction, restriction+other), "another audience", nil},
		{"SAML-33 case", honest().edit(audience, strings.Replace(audience, "app", "App", 1)), "another audience", nil},
		{"SAML-33 slash", honest().edit(audience, strings.Replace(audience, "saml/1<", "saml/1/<", 1)), "another audience", nil},
		{"SAML-34 unknown condition", honest().edit(restriction, restriction+`<saml:Condition xsi:type="xs:string"/>`), "condition", nil},
		{"SAML-37 another context", honest(), "insists on", func(c *saml.Connection) { c.Contexts = []string{"urn:phishing-resistant"} }},
		{"SAML-37 does not say when", drop("<saml:AuthnStatement", "</saml:AuthnStatement>"), "when the person signed in",
			func(c *saml.Connection) { c.MaxAuthAge = time.Hour }},
		{"SAML-37 does not say how", drop("<saml:AuthnStatement", "</saml:AuthnStatement>"), "insists on",
			func(c *saml.Connection) { c.Contexts = []string{"urn:phishing-resistant"} }},
		{"SAML-37 three days ago", honest().edit("2026-03-01T11:59:50Z", "2026-02-26T11:59:50Z"), "too old",
			func(c *saml.Connection) { c.MaxAuthAge = time.Hour }},
		{"SAML-39 missing", honest().edit("<saml:Issuer>https://idp.example/metadata</saml:Issuer>", ""), "no issuer", nil},
		{"SAML-39 other", honest().edit("https://idp.example/metadata", "https://idp.example/other"), "issuer", nil},
		{"SAML-39 white space", honest().edit("https://idp.example/metadata", " https://idp.example/metadata"), "issuer", nil},
		{"SAML-39 format", honest().edit("<saml:Issuer>", `<saml:Issuer Format="urn:x">`), "issuer", nil},
		{"SAML-40 1.1", honest().edit(`Version="2.0"`, `Version="1.1"`), "version", nil},
		{"SAML-40 missing", honest().edit(` Version="2.0"`, ""), "version", nil},
		{"SAML-41 another connection's", honest(), "ACS URL", func(c *saml.Connection) { c.ACS = "https://app.example/saml/2/acs" }},
		{"SAML-41 another connection's, unsigned address", honest().wrap("saml/1/acs", "saml/2/acs"), "recipient",
			func(c *saml.Connection) { c.ACS = "https://app.example/saml/2/acs" }},
		{"SAML-41 another connection's, same ACS", honest(), "another audience", func(c *saml.Connection) { c.EntityID = ours + "/2" }},
		{"SAML-44 transient", honest().edit("nameid-format:persistent", "nameid-format:transient"), "transient", nil},
		{"SAML-44 empty", honest().edit(">alice<", "><"), "no name", nil},
		{"SAML-44 missing", drop("<saml:NameID", "</saml:NameID>"), "no name", nil},
		{"SAML-44 encrypted", honest().edit("<saml:NameID", "<saml:EncryptedID/><saml:NameID"), "encrypted by itself", nil},
		{"SAML-44 for another service", honest().edit("<saml:NameID", `<saml:NameID SPNameQualifier="https://else.example"`), "another service", nil},
	})
	t.Run("SAML-33 several audiences", func(t *testing.T) {
		t.Parallel()
		p := honest().edit(audience, audience+"<saml:Audience>https://else.example</saml:Audience>")
		if _, err := accept(t, connection(), p.edit(restriction[:27], "<saml:OneTimeUse/>"+restriction[:27])); err != nil {
			t.Errorf("ours and another in one restriction: %s", diagnosis(err))
		}
	})
	t.Run("SAML-32 one good confirmation of two", func(t *testing.T) {
		t.Parallel()
		const good = `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
			`<saml:SubjectConfirmationData Recipient="https://app.example/saml/1/acs" NotOnOrAfter="2026-03-01T12:05:00Z" InResponseTo="_request"/>` +
			`</saml:SubjectConfirmation>`
		bad := strings.Replace(good, "saml/1/acs", "saml/9/acs", 1)
		for _, both := range []string{good + bad, bad + good} {
			if _, err := accept(t, connection(), honest().edit(good, both)); err != nil {
				t.Errorf("%s: %s", both, diagnosis(err))
			}
		}
		_, err := accept(t, connection(), honest().edit(good, bad+bad))
		refused(t, err, "recipient")
	})
}

func TestAttackTime(t *testing.T) {
	t.Parallel()
	issued := func(at string) idp {
		return honest().edit(`IssueInstant="2026-03-01T12:00:00Z"`, `IssueInstant="`+at+`"`)
	}
	begins := func(at string) idp { return honest().edit(`NotBefore="2026-03-01T11:59:00Z"`, `NotBefore="`+at+`"`) }
	ends := func(at string) idp {
		return honest().edit(`NotOnOrAfter="2026-03-01T12:05:00Z" InResponseTo`, `NotOnOrAfter="`+at+`" InResponseTo`)
	}
	session := func(at string) idp {
		return honest().edit(`SessionIndex=`, `SessionNotOnOrAfter="`+at+`" SessionIndex=`)
	}
	run(t, []attack{
		{"SAML-35 not before, a second too early", begins("2026-03-01T12:00:31Z"), "not valid yet", nil},
		{"SAML-35 ended, a second too late", ends("2026-03-01T11:59:29Z"), "too old", nil},
		{"SAML-35 ended, exactly", ends("2026-03-01T11:59:30Z"), "too old", nil},
		{"SAML-35 no end", honest().edit(` NotOnOrAfter="2026-03-01T12:05:00Z" InResponseTo`, " InResponseTo"), "no end", nil},
		{"SAML-35 issued in ten years", issued("2036-03-01T12:00:00Z"), "not valid yet", nil},
		{"SAML-35 issued eleven minutes ago", issued("2026-03-01T11:49:00Z"), "too old", nil},
		{"SAML-35 no zone", issued("2026-03-01T12:00:00"), "in UTC", nil},
		{"SAML-35 no zone at the end", ends("2026-03-01T12:05:00"), "in UTC", nil},
		{"SAML-35 leap second", ends("2026-03-01T12:05:60Z"), "in UTC", nil},
		{"SAML-35 no zone of conditions", begins("2026-03-01T11:59:00"), "in UTC", nil},
		{"SAML-35 a confirmation with a beginning", honest().edit(` InResponseTo="_request"/>`, ` InResponseTo="_request" NotBefore="2026-03-01T11:59:00Z"/>`), "NotBefore", nil},
		{"SAML-36 session over", session("2026-03-01T11:00:00Z"), "session", nil},
		{"SAML-36 session no time", session("soon"), "session", nil},
	})
	for _, ok := range []idp{
		begins("2026-03-01T12:00:30Z"), ends("2026-03-01T11:59:31Z"), ends("9999-12-31T23:59:59Z"),
		ends("2026-03-01T12:05:00.123456789Z"), ends("2026-03-01T13:05:00+01:00"),
	} {
		if _, err := accept(t, connection(), ok); err != nil {
			t.Errorf("SAML-35: %s", diagnosis(err))
		}
	}
	a, err := accept(t, connection(), session("2026-03-01T12:01:00Z"))
	if want := noon().Add(time.Minute); err != nil || !a.ExpiresAt.Equal(want) {
		t.Errorf("SAML-36: ends %v, %v; want %v", a.ExpiresAt, err, want)
	}
	c := connection()
	c.Skew = time.Hour
	_, err = accept(t, c, ends("2026-03-01T11:58:59Z"))
	refused(t, err, "too old")
}

func TestAttackExpiry(t *testing.T) {
	t.Parallel()
	t.Run("SAML-18 expired certificate", func(t *testing.T) {
		t.Parallel()
		c := connection()
		old := *theirs().cert
		old.NotAfter = noon().Add(-time.Hour)
		c.Provider.Certificates[0] = &old
		if _, err := accept(t, c, honest()); err != nil {
			t.Errorf("the key counts by default: %s", diagnosis(err))
		}
		c.RefuseExpired = true
		_, err := accept(t, c, honest())
		refused(t, err, "expired")
	})
}

func TestAttackEncryption(t *testing.T) {
	t.Parallel()
	text := func(method, keyMethod string) func(string) string {
		return func(string) string { return envelope(method, keyMethod, []byte("key"), []byte("text")) }
	}
	const oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	broken := func(s string) string {
		sealedText := sealed(256, gcm256)(s)
		at := strings.LastIndex(sealedText, "</xenc:CipherValue>") - 20
		return sealedText[:at] + flip(sealedText[at]) + sealedText[at+1:]
	}
	run(t, []attack{
		{"SAML-49 3DES", honest().encrypted(text("http://www.w3.org/2001/04/xmlenc#tripledes-cbc", oaep)), "make the provider use AES-GCM", nil},
		{"SAML-49 RSA 1.5", honest().encrypted(text(gcm256, "http://www.w3.org/2001/04/xmlenc#rsa-1_5")), "make the provider use RSA-OAEP", nil},
		{"SAML-49 CBC where it is not allowed", honest().encrypted(sealed(256, cbc256)), "allow CBC", nil},
		{"SAML-49 wrong key", honest().encrypted(text(gcm256, oaep)), "cannot be decrypted", nil},
		{"SAML-49 tampered", honest().encrypted(broken), "cannot be decrypted", nil},
		{"SAML-49 key of another length", honest().encrypted(func(s string) string {
			return strings.Replace(sealed(128, gcm128)(s), gcm128, gcm256, 1)
		}), "cannot be decrypted", nil},
		{"SAML-49 CBC padding", honest().encrypted(func(string) string {
			return envelope(cbc256, oaep, wrap(make([]byte, 32)), make([]byte, 48))
		}), "", func(c *saml.Connection) { c.CBC = true }},
		{"SAML-50 nothing signed", honest().sign("none").encrypted(sealed(256, gcm256)), "neither", nil},
		{"SAML-50 breaking out", honest().encrypted(func(s string) string {
			return sealed(256, gcm256)(s + "</saml:EncryptedAssertion>" + evil("_e") + "<saml:EncryptedAssertion>")
		}), "", nil},
		{"SAML-50 two inside", honest().encrypted(func(s string) string { return sealed(256, gcm256)(s + evil("_e")) }), "more than one", nil},
		{"SAML-50 nothing inside", honest().encrypted(func(string) string { return sealed(256, gcm256)("text") }), "not one assertion", nil},
		{"SAML-55 an encrypted one beside it", honest().wrap("ASSERTION", "ASSERTION"+envelope(gcm256, oaep, []byte("k"), []byte("t"))), "more than one", nil},
	})
}

func wrap(key []byte) []byte {
	out, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &mine().key.PublicKey, key, nil)
	if err != nil {
		return nil
	}
	return out
}

// flip returns another character of base64.
func flip(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

func TestAttackSizes(t *testing.T) {
	t.Parallel()
	send := func(doc string) error {
		_, err := connection().Accept(t.Context(), saml.Answer{Body: base64.StdEncoding.EncodeToString([]byte(doc)), RequestID: requestID, Now: noon()})
		return err
	}
	in := func(s string) string { return strings.Replace(plainResponse, "ASSERTION", s, 1) }
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	const dtd = `<!DOCTYPE x SYSTEM "file:///etc/passwd">`
	for _, tt := range []struct{ name, doc, want string }{
		{"SAML-51 unused entity", dtd + in(""), "DOCTYPE"},
		{"SAML-51 used entity", `<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + in("&x;"), "DOCTYPE"},
		{"SAML-51 undeclared entity", in("&x;"), "well-formed"},
		{"SAML-53 70 KB of nesting", many("<a>", 10_000) + many("</a>", 10_000), "does not belong"},
		{"SAML-53 nesting inside", in(many("<samlp:Extensions>", 40) + many("</samlp:Extensions>", 40)), "too deep"},
		{"SAML-53 700 KB of nesting", many("<a>", 100_000) + many("</a>", 100_000), "larger"},
		{"SAML-54 siblings", in(many("<samlp:X/>", 6000)), "nodes"},
		{"SAML-54 attributes", in("<samlp:X " + attributes(100) + "/>"), "attributes"},
		{"SAML-54 namespaces", in(spaces(70)), "namespace"},
		{"SAML-55 bogus assertions", in(many("<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/>", 2000)), "more than one"},
		{"SAML-56 UTF-16", "\xff\xfe<\x00", "UTF-8"},
		{"SAML-56 UTF-7", `<?xml version="1.0" encoding="UTF-7"?>` + in(""), ""},
		{"SAML-56 BOM", "\ufeff" + in(""), ""},
		{"SAML-56 invalid UTF-8", in("\xff"), "UTF-8"},
		{"SAML-56 NUL", in("\x00"), "well-formed"},
		{"SAML-56 NUL reference", in("&#0;"), "well-formed"},
		{"SAML-57 text before", "x" + in(""), "around"},
		{"SAML-57 text after", in("") + "x", ""},
		{"SAML-57 second root", in("") + in(""), ""},
		{"SAML-57 trailing comment", in("") + "<!-- x -->", "around"},
		{"SAML-57 leading comment", "<!-- x -->" + in(""), "around"},
		{"SAML-57 instruction", `<?xml version="1.0"?><?x y?>` + in(""), "instruction"},
		{"SAML-57 unfinished", in("")[:100], "well-formed"},
		{"a line break in an attribute", in("<samlp:X Y=\"a\nb\"/>"), "line break"},
		{"a tab by reference", in("<samlp:X Y=\"a&#9;b\"/>"), "line break"},
		{"an attribute twice", in(`<samlp:X Y="a" Y="b"/>`), "twice"},
		{"a prefix that is not declared", in(`<nobody:X/>`), "does not belong"},
		{"an attribute's prefix that is not declared", in(`<samlp:X nobody:y="1"/>`), "not declared"},
		{"no assertion", in(""), "no assertion"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			refused(t, send(tt.doc), tt.want)
		})
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" a" + strings.Repeat("b", i) + `="1"`)
	}
	return b.String()
}

func spaces(n int) string {
	var b strings.Builder
	for i := range n {
		if i%10 == 0 {
			b.WriteString("<samlp:X")
		}
		b.WriteString(" xmlns:a" + strings.Repeat("b", i) + `="urn:a"`)
		if i%10 == 9 {
			b.WriteString(">")
		}
	}
	return b.String()
}

func TestAttackBase64(t *testing.T) {
	t.Parallel()
	plain := honest().body(t)
	for _, tt := range []struct{ name, body, want string }{
		{"SAML-58 empty", "", "empty"},
		{"SAML-58 spaces", plain[:4] + " " + plain[4:], "base64"},
		{"SAML-58 missing padding", "PHg", "base64"},
		{"SAML-58 url-safe", base64.URLEncoding.EncodeToString([]byte("<?>>>???~~~")), ""},
		{"SAML-58 huge", strings.Repeat("A", 50<<20), "larger"},
		{"SAML-60 comment", base64.StdEncoding.EncodeToString([]byte("<!-- x -->")), "around"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := connection().Accept(t.Context(), saml.Answer{Body: tt.body, RequestID: requestID, Now: noon()})
			refused(t, err, tt.want)
		})
	}
	var wrapped strings.Builder
	for i := 0; i < len(plain); i += 76 {
		wrapped.WriteString(plain[i:min(i+76, len(plain))] + "\r\n")
	}
	if _, err := connection().Accept(t.Context(), saml.Answer{Body: wrapped.String(), RequestID: requestID, Now: noon()}); err != nil {
		t.Errorf("lines of 76: %s", diagnosis(err))
	}
}

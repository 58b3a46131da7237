package saml_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/sso/saml"
)

// TestSubject reads what names a person where the provider's own name for them does not last.
func TestSubject(t *testing.T) {
	t.Parallel()
	const subjectID, pairwiseID = "urn:oasis:names:tc:SAML:attribute:subject-id", "urn:oasis:names:tc:SAML:attribute:pairwise-id"
	attribute := func(name string, values ...string) string {
		return `<saml:Attribute Name="` + name + `"><saml:AttributeValue>` +
			strings.Join(values, "</saml:AttributeValue><saml:AttributeValue>") + `</saml:AttributeValue></saml:Attribute>`
	}
	more := func(p idp, xml string) idp {
		return p.edit("</saml:AttributeStatement>", xml+"</saml:AttributeStatement>")
	}
	transient := honest().edit("nameid-format:persistent", "nameid-format:transient")
	uid := saml.Mapping{Subject: []string{"uid"}}
	for _, tt := range []struct {
		name, subject, refusal string
		answer                 idp
		own                    saml.Mapping
	}{
		{name: "SAML-44 a lasting name is not replaced", answer: more(honest(), attribute(subjectID, "a@x")), subject: "alice"},
		{name: "SAML-44 subject-id", answer: more(transient, attribute(subjectID, "a@x")), subject: "a@x"},
		{name: "SAML-44 pairwise-id", answer: more(transient, attribute(pairwiseID, "b@x")), subject: "b@x"},
		{name: "SAML-44 an attribute of the connection's", answer: more(honest(), attribute("uid", "u1")), own: uid, subject: "u1"},
		{name: "SAML-44 of the connection's, transient", answer: more(transient, attribute("uid", "u1")), own: uid, subject: "u1"},
		{name: "SAML-44 the usual ones do not stand in for the connection's", answer: more(transient, attribute(subjectID, "a@x")), own: uid, refusal: "missing"},
		{name: "SAML-44 missing, though the name lasts", answer: honest(), own: uid, refusal: "missing"},
		{name: "SAML-44 several", answer: more(transient, attribute(subjectID, "a@x", "b@x")), refusal: "several"},
		{name: "SAML-44 very long", answer: more(transient, attribute(subjectID, strings.Repeat("x", 1025))), refusal: "very long"},
		{name: "SAML-44 empty", answer: more(transient, attribute(subjectID, "")), refusal: "transient"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connection()
			c.Attributes = tt.own
			a, err := accept(t, c, tt.answer)
			if tt.refusal != "" {
				if err == nil || !strings.Contains(diagnosis(err), tt.refusal) {
					t.Fatalf("accepted %q, %s, want a refusal about %q", a.Subject, diagnosis(err), tt.refusal)
				}
				return
			}
			if err != nil || a.Subject != tt.subject || a.NameID != "alice" {
				t.Errorf("subject %q, name %q, %s, want %q and the provider's own name", a.Subject, a.NameID, diagnosis(err), tt.subject)
			}
		})
	}
}

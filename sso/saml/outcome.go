package saml

import (
	"slices"
	"strings"

	"github.com/beevik/etree"
	"github.com/go-identity/identity/sso"
)

// assertion is the outcome of a profile that was checked. A SAML provider has no way to say
// that an address is verified, so it never does: whose domain it is decides.
func (p *profile) assertion() sso.Assertion {
	all := p.attributes()
	m := p.c.Attributes
	a := sso.Assertion{
		Connection:   p.c.ID,
		Subject:      p.person,
		NameID:       text(p.name),
		NameIDFormat: value(p.name, "Format"),
		Issuer:       text(only(p.el, nsAssertion, "Issuer")),
		Email:        first(all, m.Email, emailNames()),
		Name:         first(all, m.Name, fullNames()),
		Groups:       values(all, m.Groups, groupNames()),
		Attributes:   all,
		AuthTime:     p.at,
		ACR:          p.context,
		SessionIndex: value(p.authn, "SessionIndex"),
		ExpiresAt:    p.expires,
	}
	if a.Email == "" && (a.NameIDFormat == formatEmail || strings.Contains(a.NameID, "@")) {
		a.Email = a.NameID
	}
	if a.Name == "" {
		a.Name = strings.TrimSpace(first(all, m.GivenName, givenNames()) + " " + first(all, m.FamilyName, familyNames()))
	}
	return a
}

// attributes returns what the assertion says of the person, by name. A name that comes twice
// has the values of both.
func (p *profile) attributes() map[string][]string {
	all := map[string][]string{}
	for _, statement := range children(p.el, nsAssertion, "AttributeStatement") {
		for _, a := range children(statement, nsAssertion, "Attribute") {
			if name := value(a, "Name"); name != "" {
				all[name] = append(all[name], valueTexts(a)...)
			}
		}
	}
	return all
}

// valueTexts returns an attribute's values, without those that say nothing or far too much.
func valueTexts(a *etree.Element) []string {
	var all []string
	for _, v := range children(a, nsAssertion, "AttributeValue") {
		if s := valueText(v); s != "" && len(s) <= maxAttribute {
			all = append(all, s)
		}
	}
	return all
}

// valueText reads a value that is text, or a name such as eduPersonTargetedID has.
func valueText(v *etree.Element) string {
	if name := only(v, nsAssertion, "NameID"); name != nil {
		return strings.TrimSpace(text(name))
	}
	return strings.TrimSpace(text(v))
}

// values returns the values of the first attribute that is there, the connection's own names
// before the usual ones.
func values(all map[string][]string, own, usual []string) []string {
	if len(own) > 0 {
		usual = own
	}
	for _, name := range usual {
		if v := all[name]; len(v) > 0 {
			return slices.Clone(v)
		}
	}
	return nil
}

func first(all map[string][]string, own, usual []string) string {
	if v := values(all, own, usual); len(v) > 0 {
		return v[0]
	}
	return ""
}

const (
	claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	mace   = "urn:mace:dir:attribute-def:" // of universities, and of what was made for them
)

// subjectNames are those of the SAML V2.0 Subject Identifier Attributes Profile 1.0 §3.
func subjectNames() []string {
	return []string{"urn:oasis:names:tc:SAML:attribute:subject-id", "urn:oasis:names:tc:SAML:attribute:pairwise-id"}
}

func emailNames() []string {
	return []string{"email", "mail", "emailAddress", "Email", "user.email", "User.email", "urn:oid:0.9.2342.19200300.100.1.3",
		mace + "mail", claims + "emailaddress"}
}

func fullNames() []string {
	return []string{"name", "displayName", "cn", "urn:oid:2.16.840.1.113730.3.1.241", "urn:oid:2.5.4.3",
		mace + "displayName", mace + "cn", "http://schemas.microsoft.com/identity/claims/displayname"}
}

func givenNames() []string {
	return []string{"firstName", "givenName", "given_name", "FirstName", "firstname", "User.FirstName", "urn:oid:2.5.4.42",
		mace + "givenName", claims + "givenname"}
}

func familyNames() []string {
	return []string{"lastName", "sn", "surname", "family_name", "LastName", "lastname", "User.LastName", "urn:oid:2.5.4.4",
		mace + "sn", claims + "surname"}
}

func groupNames() []string {
	return []string{"groups", "Groups", "group", "memberOf", "isMemberOf", "urn:oid:1.3.6.1.4.1.5923.1.5.1.1", mace + "isMemberOf",
		"http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "http://schemas.xmlsoap.org/claims/Group"}
}

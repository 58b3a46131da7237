package pages

import (
	"strconv"
	"strings"
)

// An input is one field of a form, with its label and what is wrong with it.
type input struct {
	ID, Type, Label, Hint  string
	Rest                   string // of the label
	Value, Complete, Mode  string
	Least, Most            int
	Pattern                string
	DescribedBy            string
	Optional, Focus, Wrong bool
	Literal                bool // not words: never turned around, capitalized or corrected
}

// inputs are all fields that pages have, by id. Complete is what a browser or a password
// manager may fill in (WCAG 2.2, 1.3.5).
func inputs(least int) map[string]input {
	return map[string]input{
		"email":    {Type: "email", Complete: "username", Most: 320, Literal: true},
		"newEmail": {Type: "email", Complete: "email", Most: 320, Literal: true},
		"name":     {Type: "text", Complete: "name", Most: 255},
		"company":  {Type: "text", Complete: "organization", Most: 255},
		"current":  {Type: "password", Complete: "current-password", Most: 4096, Literal: true},
		"password": {Type: "password", Complete: "new-password", Least: least, Most: 4096, Hint: "password.hint", Literal: true},
		"code":     {Type: "text", Complete: "one-time-code", Mode: "numeric", Pattern: "[0-9 ]*", Most: 16, Literal: true},
		"proof":    {Type: "text", Complete: "one-time-code", Most: 64, Literal: true},
		"recovery": {Type: "text", Complete: "off", Most: 64, Literal: true},
	}
}

// wizardInputs are the fields of the pages about a tenant's single sign-on. None of them is about
// whoever fills it in, so that nothing is filled in by itself.
func wizardInputs() map[string]input {
	word := func(kind string, most int, hint string, optional bool) input {
		return input{Type: kind, Complete: "off", Most: most, Hint: hint, Optional: optional, Literal: true}
	}
	text := input{Type: "area", Complete: "off", Literal: true}
	called := word("text", 255, "", true)
	called.Literal = false
	return map[string]input{
		"called":      called,
		"metadataUrl": word("url", 2048, "", false),
		"xml":         text,
		"file":        {Type: "file"},
		"endpoint":    word("url", 2048, "", false),
		"entityId":    word("text", 1024, "entityId.hint", true),
		"certificate": text,
		"issuer":      word("url", 2048, "", false),
		"clientId":    word("text", 1024, "", false),
		"secret":      word("password", 4096, "", true),
		"domain":      word("text", 253, "domain.hint", false),
		"group":       word("text", 1024, "group.hint", false),
		"attrEmail":   word("text", 4096, "", true),
		"attrName":    word("text", 4096, "", true),
		"attrGiven":   word("text", 4096, "", true),
		"attrFamily":  word("text", 4096, "", true),
		"attrGroups":  word("text", 4096, "", true),
		"invitee":     word("email", 320, "invitee.hint", true),
	}
}

// Input returns the field of that id as the page shows it.
func (v page) Input(id string) input {
	in, ok := inputs(v.least)[id]
	if !ok {
		in = wizardInputs()[id]
	}
	in.ID, in.Value, in.Focus = id, v.Values[id], v.Focus == id && len(v.Errors) == 0
	in.Label = v.T(id + ".label")
	if id == "secret" && v.SSO != nil && !v.SSO.One.HasSecret {
		in.Optional = false // there is none to keep
	}
	if in.Optional {
		in.Rest = v.T("optional")
	}
	if key := v.Title + "." + id + ".label"; v.has(key) {
		in.Label = v.T(key)
	}
	var about []string
	if in.Hint != "" {
		in.Hint = v.T(in.Hint, v.least)
		about = append(about, id+"-hint")
	}
	for _, e := range v.Errors {
		if e.Field == id {
			in.Wrong = true
			about = append(about, e.ID)
		}
	}
	in.DescribedBy = strings.Join(about, " ")
	return in
}

// Current returns the field of that id for the password that the visitor has.
func (v page) Current(id string) input {
	in := v.Input(id)
	in.Complete, in.Least, in.Hint = "current-password", 0, ""
	in.DescribedBy = strings.TrimSpace(strings.TrimPrefix(in.DescribedBy, id+"-hint"))
	return in
}

// A wrong is one sentence about what is wrong, and the field that it is about.
type wrong struct {
	ID, Field, Text string
	English         bool // whatever the language of the page
}

// number gives every wrong an id of its own, for the fields to point at.
func number(ws []wrong) []wrong {
	for i := range ws {
		ws[i].ID = "error-" + strconv.Itoa(i+1)
	}
	return ws
}

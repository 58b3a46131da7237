// Package sso holds what every way of signing in elsewhere ends in: one [Assertion], or one
// refusal that tells the caller nothing and the administrator what to mend.
package sso

import "time"

// An Assertion is what an identity provider says about a person who signed in there. The
// engine that made it has verified that the provider said so, to us, now and in answer to our
// request; whether the provider may say it (its domains, its tenant) is not its question.
type Assertion struct {
	Connection   string // with Subject the key of the identity: an address never is
	Subject      string
	NameID       string // what a sign-out calls the person, SAML only: Subject, unless an attribute is that
	NameIDFormat string // of NameID
	Issuer       string // the provider's own name, SAML only

	Email         string
	EmailVerified bool // the provider says so itself
	Name          string
	Groups        []string            // as sent: compared byte for byte
	Attributes    map[string][]string // everything else it said, by name

	AuthTime     time.Time // when the person proved who they are; zero where it is not said
	ACR          string    // how
	AMR          []string
	SessionIndex string    // the provider's session, by which it signs out; may be empty
	ExpiresAt    time.Time // when the provider wants our session to end; zero where it is not said
	Hint         string    // what a sign-out must show to the provider: a secret; may be empty
}

package social

import (
	"slices"

	"github.com/go-identity/identity/sso/oidc"
)

// A Provider describes where people may have an account: its addresses, and what is worth
// believing of what it says. It is a value: a host that runs GitHub Enterprise or its own
// GitLab takes the description of [Lookup], changes the addresses, and uses that.
type Provider struct {
	Type string // "google"; makes the connection of every assertion
	Name string // for a button

	// Issuer makes it OpenID Connect: the addresses are discovered, tokens are verified. Empty
	// means plain OAuth 2.0 at the addresses below.
	Issuer string
	// Tenants is for an issuer that serves many, see [oidc.Provider]. Empty means one.
	Tenants string
	// Approved are hosts of the issuer's in other domains, see [oidc.Provider]. Nil means none.
	Approved []string

	// Authorization, Token and Userinfo are the addresses of plain OAuth 2.0.
	Authorization, Token, Userinfo string
	// Emails lists the person's addresses, for a provider whose userinfo does not say which is
	// proved. Empty means that userinfo says it.
	Emails string

	Scopes []string       // with an issuer beside openid, and nil means email and profile
	Auth   oidc.AuthStyle // how the client proves itself at the token endpoint

	// NoPKCE leaves PKCE out, for a provider that refuses it to clients with a secret. False
	// means S256.
	NoPKCE bool
	// FormPost asks for the answer in a form that the browser posts across sites, and takes
	// the person's name from it where the provider says it nowhere else.
	FormPost bool
	// Signed means that the client's secret is a token signed with the client's key, made anew
	// for every sign-in.
	Signed bool
	// SecretProof sends a MAC of the token, under the secret, along with it.
	SecretProof bool

	Profile Profile
}

// A Profile says where a provider's words about a person are. Its zero value fits providers
// that keep to the names of OpenID Connect.
type Profile struct {
	Inside  string // the member that holds all the others. Empty means none
	Subject string // never changes, never given to another. Empty means "sub", or without one "id"
	Email   string // empty means "email"
	Name    string // empty means "name", or without one the given and the family name

	Verified     string // is true where the address is proved. Empty means "email_verified"
	TextVerified bool   // the texts "true" and "1" are true as well
	Proof        Proof
}

// A Proof says when an address is proved.
type Proof string

// The proofs.
const (
	ByClaim Proof = ""       // where a claim says so
	Never   Proof = "never"  // the provider gives addresses that nobody has proved
	Always  Proof = "always" // the provider gives no others
)

// Connection is what every assertion of the provider says that it is of: two providers may
// have a subject in common, which is two people.
func (pr Provider) Connection() string { return "social:" + pr.Type }

func (pr Provider) proved(email string, claimed bool) bool {
	switch pr.Profile.Proof {
	case ByClaim:
		return email != "" && claimed
	case Always:
		return email != ""
	}
	return false
}

func (pr Provider) scopes(c Client) []string {
	var all []string
	for _, s := range slices.Concat(pr.Scopes, c.Scopes) {
		if s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// An endpoint is an address with the name that it has in a configuration.
type endpoint struct{ name, address string }

// endpoints are those that must be there.
func (pr Provider) endpoints() []endpoint {
	if pr.Issuer != "" {
		return []endpoint{{"issuer", pr.Issuer}}
	}
	all := []endpoint{{"authorizationUrl", pr.Authorization}, {"tokenUrl", pr.Token}, {"userInfoUrl", pr.Userinfo}}
	if pr.Emails != "" {
		all = append(all, endpoint{"emailsUrl", pr.Emails})
	}
	return all
}

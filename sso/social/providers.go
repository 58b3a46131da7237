package social

import (
	"slices"

	"github.com/go-identity/identity/sso/oidc"
)

// Lookup returns the description of a provider by its type, and reports whether there is one.
func Lookup(kind string) (Provider, bool) {
	all := Providers()
	i := slices.IndexFunc(all, func(pr Provider) bool { return pr.Type == kind })
	if i < 0 {
		return Provider{}, false
	}
	return all[i], true
}

// Providers returns a description of every provider that is known here, each time anew.
func Providers() []Provider {
	return []Provider{apple(), facebook(), github(), gitlab(), google(), linkedin(), microsoft(), slack(), x()}
}

// apple takes a signed token for a secret, posts its answers because it gives out a name or an
// address no other way, and writes email_verified as a text at times.
func apple() Provider {
	return Provider{
		Type: "apple", Name: "Apple", Issuer: "https://appleid.apple.com",
		Scopes: []string{"name", "email"}, Auth: oidc.Post, Signed: true, FormPost: true,
		Profile: Profile{TextVerified: true},
	}
}

// facebook says nothing about whether an address was proved. Its addresses are written without
// a version, which means the oldest that it still serves: a version in them would end one day.
func facebook() Provider {
	return Provider{
		Type: "facebook", Name: "Facebook",
		Authorization: "https://www.facebook.com/dialog/oauth", Token: "https://graph.facebook.com/oauth/access_token",
		Userinfo: "https://graph.facebook.com/me?fields=id,name,email",
		Scopes:   []string{"email", "public_profile"}, Auth: oidc.Post, SecretProof: true,
		Profile: Profile{Subject: "id", Proof: Never},
	}
}

// github shows any address in a profile; which of them are proved, another endpoint says.
func github() Provider {
	return Provider{
		Type: "github", Name: "GitHub",
		Authorization: "https://github.com/login/oauth/authorize", Token: "https://github.com/login/oauth/access_token",
		Userinfo: "https://api.github.com/user", Emails: "https://api.github.com/user/emails",
		Scopes: []string{"read:user", "user:email"}, Auth: oidc.Post,
		Profile: Profile{Subject: "id"},
	}
}

func gitlab() Provider {
	return Provider{
		Type: "gitlab", Name: "GitLab", Issuer: "https://gitlab.com",
		Scopes: []string{"email", "profile"}, Auth: oidc.Post,
	}
}

func google() Provider {
	return Provider{
		Type: "google", Name: "Google", Issuer: "https://accounts.google.com",
		Approved: []string{"oauth2.googleapis.com", "openidconnect.googleapis.com", "www.googleapis.com"},
		Scopes:   []string{"email", "profile"}, Auth: oidc.Post,
	}
}

// linkedin leaves the nonce out of its tokens and takes a verifier for a wrong secret, so that
// its token says less than its userinfo does, and PKCE is out of the question.
func linkedin() Provider {
	return Provider{
		Type: "linkedin", Name: "LinkedIn",
		Authorization: "https://www.linkedin.com/oauth/v2/authorization", Token: "https://www.linkedin.com/oauth/v2/accessToken",
		Userinfo: "https://api.linkedin.com/v2/userinfo",
		Scopes:   []string{"openid", "profile", "email"}, Auth: oidc.Post, NoPKCE: true,
		Profile: Profile{Subject: "sub"},
	}
}

// microsoft lets every tenant's administrator write any address at all into an account. Only
// xms_edov, which the app's registration must ask for, says that the domain is the tenant's;
// it comes as a boolean or as a text.
func microsoft() Provider {
	return Provider{
		Type: "microsoft", Name: "Microsoft", Issuer: "https://login.microsoftonline.com/{tenantid}/v2.0", Tenants: "common",
		Approved: []string{"graph.microsoft.com"},
		Scopes:   []string{"email", "profile"}, Auth: oidc.Post,
		Profile: Profile{Verified: "xms_edov", TextVerified: true},
	}
}

// slack takes PKCE from apps alone that have become public clients. Its tokens have the nonce.
func slack() Provider {
	return Provider{
		Type: "slack", Name: "Slack", Issuer: "https://slack.com",
		Scopes: []string{"email", "profile"}, Auth: oidc.Post, NoPKCE: true,
	}
}

// x gives an address only to apps that may ask for it, and only one that the person confirmed.
func x() Provider {
	return Provider{
		Type: "x", Name: "X",
		Authorization: "https://x.com/i/oauth2/authorize", Token: "https://api.x.com/2/oauth2/token",
		Userinfo: "https://api.x.com/2/users/me?user.fields=confirmed_email",
		Scopes:   []string{"tweet.read", "users.read", "users.email"}, Auth: oidc.Basic,
		Profile: Profile{Inside: "data", Subject: "id", Email: "confirmed_email", Proof: Always},
	}
}

package social_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/social"
)

// A company's own GitHub is GitHub at other addresses. A host that makes a Party itself also
// decides what it may reach; inside identity, that is the guarded client.
func Example() {
	pr, _ := social.Lookup("github")
	pr.Type, pr.Name = "github-acme", "Acme's GitHub"
	pr.Authorization, pr.Token = "https://git.acme.example/login/oauth/authorize", "https://git.acme.example/login/oauth/access_token"
	pr.Userinfo, pr.Emails = "https://git.acme.example/api/v3/user", "https://git.acme.example/api/v3/user/emails"

	p, err := social.New(oidc.Options{HTTP: &http.Client{Timeout: 10 * time.Second}, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := oidc.Request{Flow: oidc.NewFlow(), RedirectURI: "https://app.example/oauth/account/social/success"}
	address, err := p.Begin(context.Background(), pr, social.Client{ID: "our-id", Secret: "hush"}, r)
	if err != nil {
		fmt.Println(err)
		return
	}
	u, err := url.Parse(address)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pr.Connection(), "at", u.Host, "for", u.Query().Get("scope"))
	// Output: social:github-acme at git.acme.example for read:user user:email
}

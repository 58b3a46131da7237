package handlers_test

import (
	"strings"
	"testing"

	"github.com/go-identity/identity/store"
)

const socialPath = "/identity/resources/sso/v2"

// TestSocials goes through the life of a provider that the library knows.
func TestSocials(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	var list []struct {
		Type, RedirectURL          string
		Active, Customised         bool
		ClientID, AuthorizationURL *string
		AdditionalScopes           []string
	}
	f.must(200, &list, "", "GET "+socialPath, "")
	if list == nil || len(list) != 0 {
		t.Errorf("nothing is set up: %v, want an empty list", list)
	}
	f.must(201, nil, "host", "POST "+socialPath, `{"type":"google","clientId":"cid","secret":"hush","active":true,"customised":true,
		"additionalScopes":["calendar"],"authorizationUrl":null}`)
	f.must(200, &list, "", "GET "+socialPath, "")
	if len(list) != 1 || list[0].Type != "google" || !list[0].Active || !list[0].Customised || *list[0].ClientID != "cid" ||
		list[0].RedirectURL != "https://app.example/oauth/account/social/success" ||
		*list[0].AuthorizationURL != "https://app.example/identity/resources/auth/v2/user/sso/default/google/prelogin" {
		t.Errorf("listed %+v", list)
	}
	var got struct {
		Type, ClientID, Secret, RedirectURL string
		Active, Customised                  bool
		AdditionalScopes                    []string
	}
	f.must(200, &got, "host", "GET "+socialPath+"/google", "")
	if got.ClientID != "cid" || got.Secret != "" || !got.Active || strings.Join(got.AdditionalScopes, " ") != "calendar" {
		t.Errorf("read %+v", got)
	}
	f.must(201, nil, "host", "POST "+socialPath+"/google/deactivate", "")
	f.must(200, &list, "", "GET "+socialPath, "")
	if list[0].Active || list[0].ClientID != nil || list[0].AuthorizationURL != nil {
		t.Errorf("off, it is listed as %+v", list[0])
	}
	f.must(201, nil, "host", "POST "+socialPath+"/google/activate", "")
	var buttons []struct {
		Type, ClientID string
		Active         bool
	}
	f.must(200, &buttons, "", "GET /identity/resources/sso/v1", "")
	if len(buttons) != 1 || !buttons[0].Active {
		t.Errorf("v1 lists %+v", buttons)
	}
	f.must(404, nil, "host", "GET "+socialPath+"/github", "")
	f.must(404, nil, "host", "POST "+socialPath+"/github/activate", "")
	f.must(400, nil, "host", "POST "+socialPath, `{"type":"myspace"}`)
	f.must(400, nil, "host", "POST "+socialPath, `{"type":"github","active":true,"clientId":"cid"}`)
	f.must(400, nil, "host", "POST "+socialPath, `{"type":"github","customised":false}`)
	f.must(401, nil, "", "POST "+socialPath, `{"type":"github"}`)
	f.must(401, nil, "", "GET "+socialPath+"/google", "")
}

// TestCustomSocials goes through the life of a provider that the library does not know.
func TestCustomSocials(t *testing.T) {
	t.Parallel()
	f := newFace(t)
	const path = "/identity/resources/sso/custom/v1"
	body := `{"type":"acme","clientId":"cid","secret":"hush","redirectUrl":"","authorizationUrl":"https://acme.com/authorize",
		"tokenUrl":"https://acme.com/token","userInfoUrl":"https://acme.com/me","scopes":"me email","ssoLogoUrl":"https://acme.com/a.svg",
		"displayName":"Acme","active":true}`
	f.must(200, nil, "host", "POST "+path, body)
	f.must(409, nil, "host", "POST "+path, body)
	f.must(400, nil, "host", "POST "+path, strings.Replace(body, `"acme"`, `"google"`, 1))
	f.must(400, nil, "host", "POST "+path, strings.Replace(body, `"acme"`, `"a/b"`, 1))
	f.must(400, nil, "host", "POST "+path, strings.Replace(strings.Replace(body, `"acme"`, `"inside"`, 1), "https://acme.com/token", "https://169.254.169.254/", 1))
	f.must(400, nil, "host", "POST "+path, `{"type":"acme"}`)
	var list struct {
		Providers []struct{ ID, Type, Scopes, DisplayName, UserInfoURL string }
	}
	f.must(200, &list, "host", "GET "+path, "")
	if len(list.Providers) != 1 || list.Providers[0].Scopes != "me email" || list.Providers[0].UserInfoURL != "https://acme.com/me" {
		t.Fatalf("listed %+v", list)
	}
	id := list.Providers[0].ID
	var public []struct {
		Type    string
		Options struct{ DisplayName, SSOLogoURL string }
	}
	f.must(200, &public, "", "GET "+socialPath, "")
	if len(public) != 1 || public[0].Type != "acme" || public[0].Options.DisplayName != "Acme" || public[0].Options.SSOLogoURL == "" {
		t.Errorf("everybody sees %+v", public)
	}
	f.must(200, nil, "host", "PATCH "+path+"/"+id, `{"displayName":"Acme Inc.","scopes":"me"}`)
	f.must(200, &list, "host", "GET "+path, "")
	if list.Providers[0].DisplayName != "Acme Inc." || list.Providers[0].Scopes != "me" {
		t.Errorf("changed to %+v", list.Providers[0])
	}
	f.must(400, nil, "host", "POST "+socialPath, `{"type":"acme","clientId":"other"}`)
	f.must(401, nil, "", "GET "+path, "")
	f.must(200, nil, "host", "DELETE "+path+"/"+id, "")
	f.must(404, nil, "host", "DELETE "+path+"/"+id, "")
	f.must(404, nil, "host", "PATCH "+path+"/"+id, `{"active":true}`)
}

// TestAttackSocialSecrets looks for a provider's secret in every answer there is.
func TestAttackSocialSecrets(t *testing.T) {
	t.Parallel()
	t.Run("OIDC-35 never answered", func(t *testing.T) {
		t.Parallel()
		f := newFace(t)
		const custom = "/identity/resources/sso/custom/v1"
		var answers []string
		say := func(as, what, body string) { answers = append(answers, f.send(as, what, body).body) }
		say("host", "POST "+socialPath, `{"type":"google","clientId":"cid","secret":"hush-hush","active":true}`)
		say("host", "POST "+socialPath, `{"type":"apple","clientId":"cid","secret":"hush-hush","active":true}`)
		say("host", "POST "+custom, `{"type":"acme","clientId":"cid","secret":"hush-hush","redirectUrl":"","authorizationUrl":"https://acme.com/a",
			"tokenUrl":"https://acme.com/t","userInfoUrl":"https://acme.com/me","scopes":"","ssoLogoUrl":"","displayName":"Acme","active":true}`)
		for _, path := range []string{socialPath, socialPath + "/google", socialPath + "/acme", custom, "/identity/resources/sso/v1", socialPath + "/authenticated"} {
			say("host", "GET "+path, "")
		}
		for _, text := range answers {
			if strings.Contains(text, "hush") {
				t.Errorf("answered %s", text)
			}
		}
	})
	t.Run("nobody but the environment", func(t *testing.T) {
		t.Parallel()
		f := newFace(t)
		f.tenant("t1")
		f.who["admin"] = &store.Principal{
			Kind: store.UserKind, ID: "u1", UserID: "u1", TenantID: "t1", Rights: store.NewPermissionSet([]store.Permission{"*"}),
		}
		for _, what := range []string{
			"POST " + socialPath, "GET " + socialPath + "/google", "POST " + socialPath + "/google/activate",
			"POST /identity/resources/sso/custom/v1", "GET /identity/resources/sso/custom/v1",
			"PATCH /identity/resources/sso/custom/v1/x", "DELETE /identity/resources/sso/custom/v1/x",
		} {
			if got := f.send("admin", what, `{}`); got.status != 403 && got.status != 401 {
				t.Errorf("%s as a tenant's administrator: %d", what, got.status)
			}
		}
	})
}

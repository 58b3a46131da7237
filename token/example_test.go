package token_test

import (
	"fmt"
	"time"

	"github.com/go-identity/identity/token"
)

// A service that mints a token, and one that only verifies it.
func Example() {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	key, err := token.Generate(token.ES256)
	if err != nil {
		fmt.Println(err)
		return
	}
	signing, err := token.NewSet(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	payload, err := token.Render(token.Values{
		Issuer: "https://id.example.com", Audience: "app", Subject: "user-1", Type: "userToken",
		IssuedAt: now, ExpiresAt: now.Add(5 * time.Minute), Roles: []string{"admin"},
	}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, err := signing.Sign(token.AccessType, payload)
	if err != nil {
		fmt.Println(err)
		return
	}

	verifying, err := token.NewSet(nil, key.Verifying(time.Time{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	verified, err := verifying.Verify(raw, token.AccessType, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	claims, err := token.ParseClaims(verified)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = claims.Check(token.Expect{Issuer: "https://id.example.com", Audience: []string{"app"}, Type: "userToken", Now: now})
	fmt.Println(claims.Subject, claims.Roles, err)
	err = claims.Check(token.Expect{Issuer: "https://id.example.com", Audience: []string{"other"}, Now: now})
	fmt.Println(err)
	// Output:
	// user-1 [admin] <nil>
	// token is for another audience
}

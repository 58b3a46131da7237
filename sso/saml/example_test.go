package saml_test

import (
	"context"
	"fmt"
	"time"

	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/saml"
)

// A connection refuses what its provider did not sign, and says why to its administrator.
func Example() {
	c := &saml.Connection{
		ID: "1", EntityID: "https://app.example/saml/1", ACS: "https://app.example/saml/1/acs",
		Provider: saml.Provider{EntityID: "https://idp.example", Redirect: "https://idp.example/sso"},
		Once:     func(context.Context, string, time.Time) (bool, error) { return true, nil },
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m, err := c.Request(saml.Ask{RelayState: "handle", Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Accept(context.Background(), saml.Answer{Body: "PGE+PC9hPg==", RequestID: m.ID, Now: now})
	fmt.Println(err)
	fmt.Println(sso.Diagnosis(err))
	// Output:
	// signing in through the identity provider failed
	// the document has an element "a" that does not belong there
}

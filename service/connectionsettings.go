package service

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-identity/identity/store"
)

// ConnectionSettings are what a connection knows of its provider, and how people who come
// through it are taken in. One of SAML and OIDC is there, as the protocol says.
type ConnectionSettings struct {
	Name string        `json:"name,omitempty"` // for the administrator; may be empty
	SAML *SAMLSettings `json:"saml,omitempty"`
	OIDC *OIDCSettings `json:"oidc,omitempty"`

	Attributes AttributeMapping `json:"attributes,omitzero"`

	// OverrideActiveTenant makes the connection's tenant the one that the user acts in from
	// then on. False means that the user's choice stays; the session acts in the connection's
	// tenant all the same.
	OverrideActiveTenant bool `json:"overrideActiveTenant,omitempty"`
	// AnyDomain takes addresses outside of the connection's domains, as not verified. Only
	// management may set it. False means that they are refused.
	AnyDomain bool `json:"anyDomain,omitempty"`
	// KnownOnly lets nobody in who is no user yet. False means that users are made.
	KnownOnly bool `json:"knownOnly,omitempty"`
	// SubAccountAccessLimit is kept for clients of the published API.
	SubAccountAccessLimit int `json:"subAccountAccessLimit,omitempty"`
	// Custom is a JSON object that clients keep with the connection.
	Custom json.RawMessage `json:"custom,omitempty"`
}

// SAMLSettings are the settings of a SAML connection.
type SAMLSettings struct {
	// EntityID is the provider's. Empty until it is known: then the first answer that the
	// connection's own certificate signed says it, for good.
	EntityID     string   `json:"entityId,omitempty"`
	Pinned       bool     `json:"pinned,omitempty"`   // an answer said EntityID, and nobody else
	Redirect     string   `json:"redirect,omitempty"` // where requests go by redirect
	POST         string   `json:"post,omitempty"`     // where they go by form
	LogoutGet    string   `json:"logoutGet,omitempty"`
	LogoutPost   string   `json:"logoutPost,omitempty"`
	AnswerGet    string   `json:"answerGet,omitempty"`
	AnswerPost   string   `json:"answerPost,omitempty"`
	Certificates []string `json:"certificates,omitempty"` // of the keys that sign: base64 of DER

	MetadataURL string    `json:"metadataUrl,omitempty"` // where the above is read again; empty means it was given
	MetadataAt  time.Time `json:"metadataAt,omitzero"`   // when it was read last

	// WarnedOf is the end of the certificate that its keepers were told of last, and WarnedDays
	// at how many days before.
	WarnedOf   time.Time `json:"warnedOf,omitzero"`
	WarnedDays int       `json:"warnedDays,omitempty"`

	ACS        string `json:"acs,omitempty"`        // where answers come to; empty means our own address
	SPEntityID string `json:"spEntityId,omitempty"` // ours; empty means the address of our metadata

	SignRequests   bool     `json:"signRequests,omitempty"`
	PostRequests   bool     `json:"postRequests,omitempty"`
	SignedResponse bool     `json:"signedResponse,omitempty"` // see saml.Connection
	Unsolicited    bool     `json:"unsolicited,omitempty"`    // somebody may begin at the provider
	Direct         bool     `json:"direct,omitempty"`         // with Unsolicited: without a round trip of our own
	CBC            bool     `json:"cbc,omitempty"`
	Contexts       []string `json:"contexts,omitempty"`
	NameIDFormat   string   `json:"nameIdFormat,omitempty"`
}

// OIDCSettings are the settings of an OpenID Connect connection.
type OIDCSettings struct {
	Issuer   string   `json:"issuer"`
	ClientID string   `json:"clientId"`
	Auth     string   `json:"auth,omitempty"`   // how the client proves itself; empty means as the provider announces
	Scopes   []string `json:"scopes,omitempty"` // beside openid; none means email and profile
	Approved []string `json:"approved,omitempty"`
	// VerifiedClaim says whether the address is verified. Empty means "email_verified".
	VerifiedClaim string `json:"verifiedClaim,omitempty"`
	TextVerified  bool   `json:"textVerified,omitempty"`
	Groups        string `json:"groups,omitempty"` // the claim; empty means "groups"
}

// An AttributeMapping names the attributes that carry what the library knows by name. An
// empty list means the names that providers commonly use.
type AttributeMapping struct {
	Subject    []string `json:"subject,omitempty"` // of SAML: what names the person, in place of the subject's own name
	Email      []string `json:"email,omitempty"`
	Name       []string `json:"name,omitempty"`
	GivenName  []string `json:"givenName,omitempty"`
	FamilyName []string `json:"familyName,omitempty"`
	Groups     []string `json:"groups,omitempty"`
}

func readConnectionSettings(c store.Connection) (ConnectionSettings, error) {
	var s ConnectionSettings
	if err := json.Unmarshal([]byte(c.Settings), &s); err != nil {
		return s, fmt.Errorf("read settings of connection %s: %w", c.ID, err)
	}
	return s, nil
}

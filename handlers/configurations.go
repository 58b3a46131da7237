package handlers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// configurations tells what the environment is set to, and its public keys.
type configurations struct {
	svc  *service.Configured
	keys *service.Keys
}

func (h configurations) routes() []route {
	return []route{
		management("GET /identity/resources/configurations/v1", 200, "Read the configuration of the environment", op(h.read)),
	}
}

// wellKnown are the routes that other programs find by themselves.
func (h configurations) wellKnown() []route {
	return []route{
		public("GET /.well-known/openid-configuration", 200, "Find the issuer and its keys", op(h.discover)).cached(h.keys.Fresh),
		public("GET /.well-known/jwks.json", 200, "Read the public signing keys", op(h.jwks)).cached(h.keys.Fresh),
	}
}

type configuration struct {
	ID                                  string  `json:"id"`
	DefaultTokenExpiration              float64 `json:"defaultTokenExpiration"`
	DefaultRefreshTokenExpiration       float64 `json:"defaultRefreshTokenExpiration"`
	PublicKey                           string  `json:"publicKey"`
	CookieSameSite                      string  `json:"cookieSameSite"`
	AllowSignups                        bool    `json:"allowSignups"`
	APITokensEnabled                    bool    `json:"apiTokensEnabled"`
	AllowOverridePasswordComplexity     bool    `json:"allowOverridePasswordComplexity"`
	AllowOverridePasswordExpiration     bool    `json:"allowOverridePasswordExpiration"`
	AllowOverrideEnforcePasswordHistory bool    `json:"allowOverrideEnforcePasswordHistory"`
	JWTAlgorithm                        string  `json:"jwtAlgorithm"`
	JWTSecret                           string  `json:"jwtSecret"` // never shown
	AllowNotVerifiedUsersLogin          bool    `json:"allowNotVerifiedUsersLogin"`
	ForcePermissions                    bool    `json:"forcePermissions"`
	AuthStrategy                        string  `json:"authStrategy"`
	DefaultPasswordlessTokenExpiration  float64 `json:"defaultPasswordlessTokenExpiration"`
	ForceSameDeviceOnAuth               bool    `json:"forceSameDeviceOnAuth"`
	AllowTenantInvitations              bool    `json:"allowTenantInvitations"`
	RotateRefreshTokens                 bool    `json:"rotateRefreshTokens"`
	MachineToMachineAuthStrategy        string  `json:"machineToMachineAuthStrategy"`
	AddRolesToJWT                       bool    `json:"addRolesToJwt"`
	AddPermissionsToJWT                 bool    `json:"addPermissionsToJwt"`
	RefreshTokensRotationLimit          float64 `json:"refreshTokensRotationLimit"`
	AddSAMLAttributesToJWT              bool    `json:"addSamlAttributesToJwt"`
	AllowCustomLoginTenantSwitch        bool    `json:"allowCustomLoginTenantSwitch"`
}

func (h configurations) read(ctx context.Context, by store.Principal, _ none) (configuration, error) {
	c, err := h.svc.Read(ctx, by)
	return configuration{
		ID: c.ID, DefaultTokenExpiration: seconds(c.AccessToken), DefaultRefreshTokenExpiration: seconds(c.Refresh),
		PublicKey: c.PublicKey, CookieSameSite: "LAX", AllowSignups: c.SignUps, JWTAlgorithm: c.Algorithm,
		AllowNotVerifiedUsersLogin: c.UnverifiedUsersMayEnter, ForcePermissions: true, AuthStrategy: "EmailAndPassword",
		RotateRefreshTokens: true, MachineToMachineAuthStrategy: "ClientCredentials", AddRolesToJWT: true,
		AddPermissionsToJWT: true, RefreshTokensRotationLimit: 1,
	}, err
}

func seconds(d time.Duration) float64 { return d.Seconds() }

// A discovery says where the issuer's keys are and what they are for (OpenID Connect
// Discovery §3). It names what there is, and no endpoint that is not.
type discovery struct {
	Issuer     string   `json:"issuer"`
	JWKS       string   `json:"jwks_uri"`
	Subjects   []string `json:"subject_types_supported"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
}

func (h configurations) discover(ctx context.Context, _ store.Principal, _ none) (discovery, error) {
	algorithms, err := h.keys.Algorithms(ctx)
	issuer := h.keys.Issuer()
	return discovery{
		Issuer: issuer, JWKS: issuer + "/.well-known/jwks.json", Subjects: []string{"public"}, Algorithms: algorithms,
	}, err
}

// A jwk is one public key (RFC 7517 §4).
type jwk struct {
	KeyType   string `json:"kty"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

func (h configurations) jwks(ctx context.Context, _ store.Principal, _ none) (jwks, error) {
	var s jwks
	text, err := h.keys.JWKS(ctx)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-identity/identity"
	"github.com/go-identity/identity/service"
)

// What a caller of this app may be allowed to do.
const (
	readReports    identity.Permission = "reports.read"
	createReports  identity.Permission = "reports.create"
	approveReports identity.Permission = "reports.approve"
	readUsers      identity.Permission = "fe.secure.read.users" // the library's own
)

const tenantID = "acme"

func permissions() []identity.Permission {
	return []identity.Permission{readReports, createReports, approveReports}
}

func roles() []identity.RoleSeed {
	return []identity.RoleSeed{
		{
			Key: "admin", Name: "Admin", Description: "Runs the account", Level: 0, FirstUser: true,
			Permissions: append(permissions(), "fe.secure.*"),
		},
		{
			Key: "editor", Name: "Editor", Description: "Writes reports", Level: 50,
			Permissions: []identity.Permission{readReports, createReports},
		},
		{
			Key: "viewer", Name: "Viewer", Description: "Reads reports", Level: 100, Default: true,
			Permissions: []identity.Permission{readReports},
		},
	}
}

// A person is a demonstration account.
type person struct {
	Email    string   `json:"email"`
	Password string   `json:"password"`
	Roles    []string `json:"roles"`

	name, can string
}

// seed makes the tenant and its two people, if they are not there. Any number of
// processes may do so at once.
func seed(ctx context.Context, id *identity.Identity, key []byte) ([]person, error) {
	people := []person{
		{Email: "admin@acme.example", Roles: []string{"admin"}, name: "Ada Admin", can: "may do everything"},
		{Email: "viewer@acme.example", Roles: []string{"viewer"}, name: "Vic Viewer", can: "may read reports"},
	}
	_, err := id.Tenants.Create(ctx, identity.System(), service.NewTenant{ID: tenantID, Name: "Acme"})
	if err != nil && !exists(err) {
		return nil, fmt.Errorf("make the tenant: %w", err)
	}
	ids, err := roleIDs(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("look up roles: %w", err)
	}
	for i := range people {
		p := &people[i]
		p.Password = password(key, p.Email)
		_, err := id.Users.Create(ctx, identity.System(), service.NewUser{
			TenantID: tenantID, Email: p.Email, Name: p.name, Password: p.Password, RoleIDs: []string{ids[p.Roles[0]]},
		})
		if err != nil && !exists(err) {
			return nil, fmt.Errorf("make %s: %w", p.Email, err)
		}
	}
	return people, nil
}

// exists reports whether err says that a record is there already.
func exists(err error) bool {
	var no *identity.Error
	return errors.As(err, &no) && no.Code == "conflict"
}

func roleIDs(ctx context.Context, id *identity.Identity) (map[string]string, error) {
	rs, err := id.Roles.List(ctx, identity.System())
	ids := make(map[string]string, len(rs))
	for _, r := range rs {
		ids[r.Key] = r.ID
	}
	return ids, err
}

// password derives the password of a demonstration account from the secret: strong, the
// same at every start, and nowhere in the code.
func password(key []byte, email string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("password of " + email))
	text := strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil))[:20])
	return text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:]
}

// credentials are what a program needs to drive the app.
type credentials struct {
	ClientID string   `json:"clientId"`
	Secret   string   `json:"secret"`
	TenantID string   `json:"tenantId"`
	Users    []person `json:"users"` // the first is the admin
}

// writeCredentials makes a management credential and writes it, with the people, to a
// file that only this account reads.
func writeCredentials(ctx context.Context, id *identity.Identity, path string, people []person) error {
	_, secret, err := id.Credentials.Create(ctx, identity.System(), "example")
	if err != nil {
		return fmt.Errorf("make a management credential: %w", err)
	}
	c := credentials{ClientID: id.Credentials.ClientID(), Secret: secret, TenantID: tenantID, Users: people}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	temp := path + ".tmp"
	_ = os.Remove(temp) // one that was left behind may be open to others
	if err := os.WriteFile(temp, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return os.Rename(temp, path)
}

// welcome says how to sign in.
func welcome(w io.Writer, baseURL string, people []person) {
	fmt.Fprintf(w, "\nAcme Reports is on %s\n\nSign in as\n", baseURL)
	for _, p := range people {
		fmt.Fprintf(w, "  %-20s  %s  (%s)\n", p.Email, p.Password, p.can)
	}
	fmt.Fprintf(w, "or sign up: mail is not sent but shown on %s/dev/messages\n\n", baseURL)
}

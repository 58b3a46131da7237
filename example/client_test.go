package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-identity/identity/internal/needs"
)

// TestNodeClient drives the example through the published Node client. NODE_PATH says where
// it is installed.
func TestNodeClient(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("testdata/client.cjs")
	if err != nil {
		t.Fatal(err)
	}
	_, err = exec.LookPath("node")
	needs.Have(t, "node", err == nil, "no node on PATH")
	err = exec.CommandContext(t.Context(), "node", "-e", "require.resolve('@frontegg/client')").Run()
	needs.Have(t, "node", err == nil, "no @frontegg/client under NODE_PATH")

	dir := t.TempDir()
	p := start(t, dir, filepath.Join(dir, "identity.db"))
	cmd := exec.CommandContext(t.Context(), "node", script)
	cmd.Env = append(os.Environ(),
		"FRONTEGG_API_GATEWAY_URL="+p.base, "FRONTEGG_CLIENT_ID="+p.ClientID, "FRONTEGG_API_KEY="+p.Secret, "TENANT="+p.TenantID,
		"ADMIN_TOKEN="+p.signIn(t, p.Users[0].Email, p.Users[0].Password).AccessToken,
		"VIEWER_TOKEN="+p.signIn(t, p.Users[1].Email, p.Users[1].Password).AccessToken,
	)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the client met a surprise: %v\n%s", err, out)
	}
}

// Package foreign starts identity providers that are not ours, for tests, and walks through
// their pages. Where one cannot be started the test is skipped; see [needs.Have].
package foreign

import (
	"embed"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-identity/identity/internal/needs"
	"github.com/go-identity/identity/internal/program"
)

// Python is the interpreter that the distribution's packages are for.
const Python = "/usr/bin/python3"

// A Kit is a folder with what a provider is started from, which is a test's own: providers
// write into it.
type Kit struct{ Dir string }

// Alice is what she types at the providers of SAML.
func Alice() map[string]string {
	return map[string]string{"username": "alice", "password": "alicepass"}
}

// SAMLP is Auth0's samlp, on Node.
func SAMLP(t testing.TB) Kit {
	t.Helper()
	needs.Module(t, "samlp", "samlp")
	return kit(t, "samlp", "idp.js", "store.js")
}

// Pysaml2 is the distribution's, which has xmlsec1 inside.
func Pysaml2(t testing.TB) Kit {
	t.Helper()
	err := exec.CommandContext(t.Context(), Python, "-c", "import saml2").Run()
	needs.Have(t, "pysaml2", err == nil, "no pysaml2 for "+Python+" (python3-pysaml2, xmlsec1)")
	_, err = exec.LookPath("xmlsec1")
	needs.Have(t, "pysaml2", err == nil, "no xmlsec1 on PATH")
	return kit(t, "pysaml2", "idp.py")
}

// OIDCProvider is the certified provider, on Node.
func OIDCProvider(t testing.TB) Kit {
	t.Helper()
	modules := needs.Module(t, "oidc-provider", "oidc-provider")
	k := kit(t, "oidc-provider", "op.mjs")
	// A module of Node looks for packages beside and above itself only.
	if err := os.Symlink(modules, filepath.Join(k.Dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return k
}

// kit copies a part's files to a folder of the test's own.
func kit(t testing.TB, part string, names ...string) Kit {
	t.Helper()
	k := Kit{t.TempDir()}
	for _, name := range names {
		text, err := os.ReadFile(needs.Shared(t, part, "parts", part, name))
		if err != nil {
			t.Fatal(err)
		}
		k.Write(t, name, text)
	}
	return k
}

// Write leaves a file in the folder and returns its path.
func (k Kit) Write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(k.Dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

//go:embed programs
var programs embed.FS

// Program leaves a program of this package in the folder and returns its path.
func (k Kit) Program(t testing.TB, name string) string {
	t.Helper()
	text, err := programs.ReadFile("programs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return k.Write(t, name, text)
}

// Run starts a program in the folder that is told its port; PORT in args stands for it. The
// environment is this process's with env added.
func (k Kit) Run(t testing.TB, env []string, args ...string) *program.Program {
	t.Helper()
	address := program.Address(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	line := append([]string{"PORT=" + port}, env...)
	for _, a := range args {
		if a == "PORT" {
			a = port
		}
		line = append(line, a)
	}
	return program.Start(t, address, k.Dir, "env", line...)
}

// StartSAMLP starts samlp for a service with that certificate, in PEM, and that address for
// answers to sign-outs.
func (k Kit) StartSAMLP(t testing.TB, certificate []byte, slo string) *program.Program {
	t.Helper()
	return k.Run(t, []string{"SP_SLO=" + slo}, "node", "idp.js", "PORT", k.Dir, k.Write(t, "sp.pem", certificate))
}

// StartPysaml2 starts pysaml2 for a service with that metadata.
func (k Kit) StartPysaml2(t testing.TB, metadata []byte, env ...string) *program.Program {
	t.Helper()
	return k.Run(t, env, Python, "idp.py", "PORT", k.Write(t, "sp.xml", metadata), k.Dir)
}

// A Service is what a provider of SAML knows of a service that it signs people out of.
type Service struct{ Provider, Entity, SLO string }

// LeaveSAMLP starts a samlp of the same key as the one that was started, which signs Alice out of
// a service, whenever a browser comes to /redirect or to /post.
func (k Kit) LeaveSAMLP(t testing.TB, s Service) *program.Program {
	t.Helper()
	return k.Run(t, nil, "node", k.Program(t, "leave.js"), "PORT", k.Dir, s.Provider, s.Entity, s.SLO, filepath.Join(k.Dir, "sp.pem"))
}

// LeavePysaml2 does the same with pysaml2. Its metadata of the service says where to.
func (k Kit) LeavePysaml2(t testing.TB, s Service, name string) *program.Program {
	t.Helper()
	return k.Run(t, nil, Python, k.Program(t, "leave.py"), "PORT", k.Dir, s.Provider, s.Entity, filepath.Join(k.Dir, "sp.xml"), name)
}

// StartOIDCProvider starts oidc-provider for a client with that redirect URI.
func (k Kit) StartOIDCProvider(t testing.TB, redirect string, env ...string) *program.Program {
	t.Helper()
	return k.Run(t, env, "node", "op.mjs", "PORT", redirect)
}

// StartZitadel starts zitadel's provider for a client with that redirect URI.
func StartZitadel(t testing.TB, redirect string) *program.Program {
	t.Helper()
	bin, err := exec.LookPath("zitadel-op")
	needs.Have(t, "zitadel-op", err == nil, "no zitadel-op on PATH; it is built from github.com/zitadel/oidc")
	return Kit{t.TempDir()}.Run(t, []string{"REDIRECT_URI=" + redirect}, bin)
}

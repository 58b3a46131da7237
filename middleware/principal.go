package middleware

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// key is the type of the one context key. A host cannot make another value of it.
type key struct{}

// A caller is the context of an authenticated request. It is a context itself, so that it
// costs one allocation; the principal in it is shared with other requests.
type caller struct {
	context.Context
	guard     *Guard // whose word this is: a process may hold several
	principal *store.Principal
	err       error // why there is no principal, though a credential was shown

	remote, agent string // as they were sent: what nobody asks for is not worked out
}

// caller returns the caller of r before anything is known but where it comes from. What is
// believed of proxies is worked out now: headers can be changed on the way.
func (g *Guard) caller(r *http.Request) *caller {
	c := &caller{Context: r.Context(), guard: g, remote: r.RemoteAddr}
	if len(g.config.TrustedProxies) > 0 {
		c.remote = g.address(r)
	}
	if sent := r.Header["User-Agent"]; len(sent) > 0 {
		c.agent = sent[0]
	}
	return c
}

// Value implements context.Context.
func (c *caller) Value(k any) any {
	if k == (key{}) {
		return c
	}
	return c.Context.Value(k)
}

func callerFrom(ctx context.Context) *caller {
	c, _ := ctx.Value(key{}).(*caller)
	return c
}

// PrincipalFrom returns who is calling, as Authenticate or a guard found it. It reports
// false, and a principal that may do nothing, when nobody is signed in; then only the
// address of the request is known, and nothing at all where neither ran.
func PrincipalFrom(ctx context.Context) (store.Principal, bool) {
	c := callerFrom(ctx)
	if c == nil {
		return store.Principal{}, false
	}
	var p store.Principal
	if c.principal != nil {
		p = *c.principal
	}
	p.IP, p.UserAgent = peerOf(c.remote), agent(c.agent)
	return p, c.principal != nil
}

// Caller returns who calls r, or why nobody does: Unauthenticated without a credential,
// else what is wrong with the one that was shown. r must have passed [Guard.Authenticate].
func (g *Guard) Caller(r *http.Request) (store.Principal, error) {
	p, ok := PrincipalFrom(r.Context())
	if ok {
		return p, nil
	}
	return p, callerFrom(r.Context()).refusal()
}

// refusal says why c has no principal.
func (c *caller) refusal() error {
	if c == nil || c.err == nil {
		return fault.New(fault.Unauthenticated, "", "sign in first")
	}
	return c.err
}

// maxAgent bounds how much of a User-Agent header is kept.
const maxAgent = 512

// agent returns a User-Agent header in a form that every database can keep.
func agent(text string) string {
	if len(text) > maxAgent {
		text = text[:maxAgent]
	}
	if store.Storable(text) {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

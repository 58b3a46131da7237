package pages

import (
	"bytes"
	"cmp"
	"net/http"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/store"
)

// assetPages is the folder of what pages load, tenantAssets that of one tenant's own brand.
const (
	assetPages   = "/account/assets/"
	tenantAssets = assetPages + "of/"
)

// An asset is a file that pages load.
type asset struct {
	contentType string
	body        []byte
}

func (p *Pages) assetRoutes() {
	p.handle("GET "+assetPages+"{version}/{name}", func(w http.ResponseWriter, r *http.Request) error {
		return p.look.serve(w, r)
	})
	p.handle("GET "+tenantAssets+"{tenant}/{version}/{name}", func(w http.ResponseWriter, r *http.Request) error {
		return p.lookOf(r, tenant(r.PathValue("tenant"))).serve(w, r)
	})
}

func (l *look) serve(w http.ResponseWriter, r *http.Request) error {
	a, ok := l.files[r.PathValue("version")+"/"+r.PathValue("name")]
	if !ok {
		return fault.New(fault.NotFound, "", "there is no such page")
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	// A picture may style itself; opened by itself it is a document, which may do nothing else.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	return nil
}

// lookOf is how the pages look in a tenant.
func (p *Pages) lookOf(r *http.Request, tenantID string) *look {
	if p.BrandOf == nil || tenantID == "" || tenantID == "." || tenantID == ".." {
		return p.look
	}
	b, ok := p.BrandOf(r.Context(), tenantID)
	if !ok {
		return p.look
	}
	l, err := newLook(tenantAssets+tenantID+"/", b)
	if err != nil {
		p.Log.WarnContext(r.Context(), "show the brand of a tenant", "tenant", tenantID, "error", err)
		return p.look
	}
	return l
}

// acting is the tenant that a page is about: its own, the one that the visitor is to sign in to, else
// the one that the visitor is signed in to.
func acting(r *http.Request, v page) string {
	if at := cmp.Or(v.Within, v.Tenant); at != "" {
		return at
	}
	if by, ok := middleware.PrincipalFrom(r.Context()); ok && by.Kind == store.UserKind {
		return by.TenantID
	}
	return ""
}

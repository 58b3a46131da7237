package pages

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

func (p *Pages) providerRoutes() {
	p.handle("GET "+connectionPages+"/{id}/ours", p.kept(p.showOurs))
	p.handle("GET "+connectionPages+"/{id}/certificate", p.kept(p.certificate))
	p.handle("GET "+connectionPages+"/{id}/provider", p.kept(p.showProvider))
	p.handle("POST "+connectionPages+"/{id}/provider", p.limited(middleware.SignIn, p.kept(p.provider)))
	p.handle("POST "+connectionPages+"/{id}/provider/file", p.limited(middleware.SignIn, p.kept(p.providerFile)))
}

// ours are our values, for the provider's side.
type ours struct{ ACS, EntityID, Metadata, Redirect string }

// showOurs shows what the provider has to know of us.
func (p *Pages) showOurs(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.step(r, by, "step.ours", "step.ours")
	if err != nil {
		return err
	}
	if v.SSO.Ours, err = p.ours(r, by, v.SSO.One); err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "ours.html", v)
}

func (p *Pages) ours(r *http.Request, by store.Principal, c service.SSOConnection) (ours, error) {
	shared, _ := p.Services.Connections.Shared()
	base := strings.TrimSuffix(shared, "/auth/saml/callback")
	if c.Protocol == store.SAML {
		return ours{ACS: c.ACS, EntityID: c.EntityID, Metadata: base + "/auth/saml/metadata/" + c.ID}, nil
	}
	o := ours{Redirect: base + "/oauth/account/oidc/callback"}
	set, err := p.Services.SSOPolicies.OIDC(r.Context(), by)
	if set.RedirectURI != "" {
		o.Redirect = set.RedirectURI
	}
	return o, err
}

// certificate is ours, as a file.
func (p *Pages) certificate(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	if _, err := p.Services.Connections.Read(r.Context(), by, r.PathValue("id")); err != nil {
		return err
	}
	text, err := p.Services.Connections.Certificate(r.Context(), by)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", `attachment; filename="certificate.pem"`)
	_, err = io.WriteString(w, text)
	return err
}

func (p *Pages) showProvider(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.providerStep(r, by)
	if err != nil {
		return err
	}
	return p.render(w, r, http.StatusOK, "provider.html", v)
}

// providerStep is the page that asks for the provider's side.
func (p *Pages) providerStep(r *http.Request, by store.Principal) (page, error) {
	v, err := p.step(r, by, "step.provider", "step.provider")
	if err != nil {
		return v, err
	}
	if st := v.SSO.One.With.SAML; st != nil {
		v.Values["metadataUrl"], v.Values["entityId"], v.Values["endpoint"] = st.MetadataURL, st.EntityID, st.Redirect
		if st.Redirect == "" {
			v.Values["endpoint"] = st.POST
		}
		v.Values["certificate"] = strings.Join(st.Certificates, "\n;\n")
	} else if st := v.SSO.One.With.OIDC; st != nil {
		v.Values["issuer"], v.Values["clientId"] = st.Issuer, st.ClientID
	}
	return v, nil
}

// provider takes the provider's side in one of the ways that the page offers.
func (p *Pages) provider(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	form, err := readUpTo(w, r, maxMetadataForm)
	if err != nil {
		return err
	}
	field := map[string]string{"url": "metadataUrl", "xml": "xml", "hand": "endpoint", "oidc": "issuer"}[form.Get("way")]
	err = p.take(r, by, form.Get)
	if err == nil {
		return p.proceed(w, r, by)
	}
	v, failed := p.providerStep(r, by)
	if failed != nil {
		return failed
	}
	for _, id := range []string{"metadataUrl", "xml", "entityId", "endpoint", "certificate", "issuer", "clientId"} {
		if form.Has(id) {
			v.Values[id] = form.Get(id)
		}
	}
	return p.retry(w, r, err, "provider.html", v.blaming(field))
}

// maxMetadataForm is how much a form with metadata may hold, in bytes: some have many
// certificates, and a form escapes them.
const maxMetadataForm = 2 << 20

// take changes the connection by what a form says.
func (p *Pages) take(r *http.Request, by store.Principal, form func(string) string) error {
	ctx, id := r.Context(), r.PathValue("id")
	var err error
	switch form("way") {
	case "url":
		if form("metadataUrl") == "" {
			return fault.New(fault.Invalid, "metadataUrl", "is missing")
		}
		_, err = p.Services.Connections.UpdateFrom(ctx, by, id, service.Intake{URL: form("metadataUrl")})
	case "xml":
		if strings.TrimSpace(form("xml")) == "" {
			return fault.New(fault.Invalid, "xml", "is missing")
		}
		_, err = p.Services.Connections.UpdateFrom(ctx, by, id, service.Intake{Document: form("xml")})
	case "hand":
		err = p.byHand(r, by, form)
	case "oidc":
		err = p.byIssuer(r, by, form)
	default:
		err = fault.New(fault.Invalid, "", "the form cannot be read")
	}
	return err
}

// byHand takes the provider's side as somebody typed it.
func (p *Pages) byHand(r *http.Request, by store.Principal, form func(string) string) error {
	var c fault.Checker
	c.Check(form("endpoint") != "", "endpoint", "is missing")
	c.Check(strings.TrimSpace(form("certificate")) != "", "certificate", "is missing")
	if err := c.Err(); err != nil {
		return err
	}
	all, err := service.Certificates(form("certificate"))
	if err != nil {
		return err
	}
	_, err = p.Services.Connections.Update(r.Context(), by, r.PathValue("id"), service.ConnectionChange{
		Settings: func(st *service.ConnectionSettings) {
			if st.SAML == nil { // what speaks another protocol is refused by the rules
				st.SAML = &service.SAMLSettings{}
			}
			s := st.SAML
			s.EntityID, s.Redirect, s.POST, s.Certificates, s.MetadataURL = form("entityId"), form("endpoint"), "", all, ""
		},
	})
	return err
}

// byIssuer takes the provider's side of OpenID Connect. An empty secret leaves the one that
// there is.
func (p *Pages) byIssuer(r *http.Request, by store.Principal, form func(string) string) error {
	var c fault.Checker
	c.Check(form("issuer") != "", "issuer", "is missing")
	c.Check(form("clientId") != "", "clientId", "is missing")
	if err := c.Err(); err != nil {
		return err
	}
	change := service.ConnectionChange{Settings: func(st *service.ConnectionSettings) {
		if st.OIDC == nil {
			st.OIDC = &service.OIDCSettings{}
		}
		st.OIDC.Issuer, st.OIDC.ClientID = form("issuer"), form("clientId")
	}}
	if hush := form("secret"); hush != "" {
		change.Secret = &hush
	}
	_, err := p.Services.Connections.Update(r.Context(), by, r.PathValue("id"), change)
	return err
}

// proceed goes on to the step after the provider's side.
func (p *Pages) proceed(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	v, err := p.step(r, by, "step.provider", "step.provider")
	if err != nil {
		return err
	}
	return seeOther(w, v.SSO.At("domains"))
}

// providerFile takes metadata from a file.
func (p *Pages) providerFile(w http.ResponseWriter, r *http.Request, by store.Principal) error {
	text, err := upload(w, r, "file")
	if err == nil {
		form := map[string]string{"way": "xml", "xml": text}
		err = p.take(r, by, func(name string) string { return form[name] })
	}
	if err == nil {
		return p.proceed(w, r, by)
	}
	v, failed := p.providerStep(r, by)
	if failed != nil {
		return failed
	}
	return p.retry(w, r, err, "provider.html", v.blaming("file"))
}

// maxFile is how large a file may be, in bytes.
const maxFile = 1 << 20

// upload returns the text of the one file in the body of a request.
func upload(w http.ResponseWriter, r *http.Request, name string) (string, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return "", fault.New(fault.Unsupported, "", "the form must be multipart/form-data")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFile+maxForm)
	parts, err := r.MultipartReader()
	if err != nil {
		return "", fault.New(fault.Invalid, "", "the form cannot be read").Because(err)
	}
	part, err := parts.NextPart()
	if err != nil || part.FormName() != name {
		return "", fault.New(fault.Invalid, "", "the form cannot be read").Because(err)
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(part, maxFile+1)); err != nil {
		return "", fault.New(fault.Invalid, "", "the form cannot be read").Because(err)
	}
	switch {
	case b.Len() == 0:
		return "", fault.New(fault.Invalid, "file", "is missing")
	case b.Len() > maxFile:
		return "", fault.New(fault.TooLarge, "", "the form is too large")
	}
	return b.String(), nil
}

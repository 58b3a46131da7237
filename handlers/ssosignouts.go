package handlers

import (
	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/service"
)

type connectionPath struct {
	ConnectionID string `path:"connectionId"`
}

// samlMetadata is the media type of SAML metadata.
const samlMetadata = "application/samlmetadata+xml"

func (h ssosignin) metadata(c *call, in connectionPath) (reply, error) {
	doc, err := h.connections.SPMetadata(c.Context(), in.ConnectionID)
	return reply{media: samlMetadata, body: doc}, err
}

type sloQuery struct {
	connectionPath
	SAMLRequest  string `query:"SAMLRequest"`
	SAMLResponse string `query:"SAMLResponse"`
	RelayState   string `query:"RelayState"`
}

// slo takes the query as it came: only over these very bytes does its signature hold.
func (h ssosignin) slo(c *call, in sloQuery) (reply, error) {
	return h.receive(c, service.LogoutMessage{ConnectionID: in.ConnectionID, Query: c.r.URL.RawQuery})
}

type sloForm struct {
	connectionPath
	SAMLRequest  string `json:"SAMLRequest,omitempty"`
	SAMLResponse string `json:"SAMLResponse,omitempty"`
	RelayState   string `json:"RelayState,omitempty"`
}

func (h ssosignin) sloForm(c *call, in sloForm) (reply, error) {
	return h.receive(c, service.LogoutMessage{
		ConnectionID: in.ConnectionID, SAMLRequest: in.SAMLRequest, SAMLResponse: in.SAMLResponse, RelayState: in.RelayState,
	})
}

func (h ssosignin) receive(c *call, in service.LogoutMessage) (reply, error) {
	var err error
	if in.Browser, err = c.cookie(SSOCookieName); err != nil {
		return reply{}, err
	}
	if in.Query+in.SAMLRequest+in.SAMLResponse == "" {
		return reply{}, fault.New(fault.Invalid, "", "there is no message")
	}
	out, err := h.svc.Receive(c.Context(), c.by, in)
	switch {
	case err != nil:
		return reply{}, err
	case out.Form != nil:
		return send(out.Form.Action, out.Form.Fields)
	case out.Address != "":
		return reply{location: out.Address}, nil
	}
	return reply{location: out.Next}, nil
}

type logoutToken struct {
	connectionPath
	LogoutToken string `json:"logout_token" maxLength:"65536"`
}

// backChannel is for the provider's server, which wants status 400 of what is refused.
func (h ssosignin) backChannel(c *call, in logoutToken) (none, error) {
	err := h.svc.BackChannel(c.Context(), c.by, in.ConnectionID, in.LogoutToken)
	if f := fault.From(err); f != nil && (f.Code == fault.Unauthenticated || f.Code == fault.NotFound) {
		return none{}, fault.New(fault.Invalid, "", "the logout token was refused").Because(err)
	}
	return none{}, err
}

package token

import "time"

// The variables of text, with the fields that they read. Here and in the functions below
// is all that a template can reach: nothing is looked up by its Go name.
func (v *Values) text(variable string) string {
	switch variable {
	case "sub", "user.id":
		return v.Subject
	case "iss":
		return v.Issuer
	case "aud":
		return v.Audience
	case "type":
		return v.Type
	case "sid":
		return v.SessionID
	case "applicationId":
		return v.ApplicationID
	case "clientId", "vendorId":
		return v.VendorID
	case "tenantId", "user.tenantId", "user.tenant.id":
		return v.TenantID
	case "jti":
		return v.ID
	case "acr":
		return v.Context
	}
	return v.userText(variable)
}

func (v *Values) userText(variable string) string {
	switch variable {
	case "user.name":
		return v.Name
	case "user.email":
		return v.Email
	case "user.username":
		return v.Username
	case "user.phoneNumber":
		return v.PhoneNumber
	case "user.profilePictureUrl":
		return v.PictureURL
	case "user.externalId":
		return v.ExternalID
	case "user.provider":
		return v.Provider
	case "user.tenant.name":
		return v.TenantName
	case "sso.connectionId":
		return v.ConnectionID
	case "sso.subject":
		return v.ProviderSubject
	}
	return ""
}

func (v *Values) time(variable string) time.Time {
	switch variable {
	case "iat":
		return v.IssuedAt
	case "exp":
		return v.ExpiresAt
	case "auth_time":
		return v.AuthTime
	}
	return time.Time{}
}

// appendList appends an array, empty or not; without methods there is no amr.
func (v *Values) appendList(b []byte, variable string) []byte {
	switch variable {
	case "user.tenantIds":
		return appendList(b, v.TenantIDs)
	case "user.tenant.roles":
		return appendList(b, v.Roles)
	case "user.tenant.permissions":
		return appendList(b, v.Permissions)
	case "amr":
		if len(v.Methods) > 0 {
			return appendList(b, v.Methods)
		}
	}
	return b
}

// lookUp returns the node of a variable that a template may name, but for members of
// documents.
func lookUp(variable string) (node, bool) {
	n := node{text: variable}
	switch variable {
	case "sub", "iss", "aud", "type", "sid", "clientId", "applicationId",
		"user.id", "user.name", "user.email", "user.username", "user.phoneNumber",
		"user.profilePictureUrl", "user.externalId", "user.tenantId", "user.provider",
		"user.tenant.id", "user.tenant.name", "sso.connectionId", "sso.subject":
		n.form = textValue
	case "iat", "exp":
		n.form = timeValue
	case "user.verified":
		n.form = boolValue
	case "user.tenantIds", "user.tenant.roles", "user.tenant.permissions":
		n.form = listValue
	case "user.metadata":
		n.form, n.slot = wholeValue, userMetadata
	case "user.tenant.metadata":
		n.form, n.slot = wholeValue, tenantMetadata
	case "sso.attributes":
		n.form, n.slot = wholeValue, ssoAttributes
	default:
		return node{}, false
	}
	return n, true
}

// guarded lists the claims on which others rely, with the variables that may fill each.
// Those without any are never a template's.
var guarded = []struct {
	name      string
	variables []string
}{
	{"iss", []string{"iss"}},
	{"sub", []string{"sub"}},
	{"aud", []string{"aud", "clientId", "applicationId"}},
	{"exp", []string{"exp"}},
	{"iat", []string{"iat"}},
	{"tenantIds", []string{"user.tenantIds"}},
	{"roles", []string{"user.tenant.roles"}},
	{"permissions", []string{"user.tenant.permissions"}},
	{"type", nil}, {"tenantId", nil}, {"sid", nil}, {"jti", nil},
	{"auth_time", nil}, {"amr", nil}, {"acr", nil}, {"act", nil},
	{"nbf", nil}, {"cnf", nil}, {"scope", nil},
}

// required lists the claims that every template has.
var required = []string{"iss", "sub", "aud", "exp", "iat"}

// added are the claims that every token of a user has, whatever its template says.
var added = []claim{
	{node: node{name: "type", form: textValue, text: "type"}, added: true, required: true},
	{node: node{name: "tenantId", form: textValue, text: "tenantId"}, added: true},
	{node: node{name: "sid", form: textValue, text: "sid"}, added: true},
	{node: node{name: "jti", form: textValue, text: "jti"}, added: true},
	{node: node{name: "auth_time", form: timeValue, text: "auth_time"}, added: true},
	{node: node{name: "amr", form: listValue, text: "amr"}, added: true},
	{node: node{name: "acr", form: textValue, text: "acr"}, added: true},
}

// standard is the default template, in the order of the published one.
var standard = Template{
	reads: [documents]bool{userMetadata: true},
	claims: []claim{
		{node: node{name: "sub", form: textValue, text: "sub"}, required: true},
		{node: node{name: "name", form: textValue, text: "user.name"}},
		{node: node{name: "email", form: textValue, text: "user.email"}},
		{node: node{name: "email_verified", form: boolValue, text: "user.verified"}},
		{node: node{name: "metadata", form: wholeValue, text: "user.metadata", slot: userMetadata}},
		{node: node{name: "roles", form: listValue, text: "user.tenant.roles"}},
		{node: node{name: "permissions", form: listValue, text: "user.tenant.permissions"}},
		{node: node{name: "tenantId", form: textValue, text: "tenantId"}, added: true},
		{node: node{name: "tenantIds", form: listValue, text: "user.tenantIds"}},
		{node: node{name: "profilePictureUrl", form: textValue, text: "user.profilePictureUrl"}},
		{node: node{name: "sid", form: textValue, text: "sid"}, added: true},
		{node: node{name: "type", form: textValue, text: "type"}, added: true, required: true},
		{node: node{name: "applicationId", form: textValue, text: "applicationId"}},
		{node: node{name: "aud", form: textValue, text: "aud"}, required: true},
		{node: node{name: "iss", form: textValue, text: "iss"}, required: true},
		{node: node{name: "iat", form: timeValue, text: "iat"}, required: true},
		{node: node{name: "exp", form: timeValue, text: "exp"}, required: true},
		{node: node{name: "jti", form: textValue, text: "jti"}, added: true},
		{node: node{name: "auth_time", form: timeValue, text: "auth_time"}, added: true},
		{node: node{name: "amr", form: listValue, text: "amr"}, added: true},
		{node: node{name: "acr", form: textValue, text: "acr"}, added: true},
	},
}

// management is the template of a management credential's token.
var management = Template{
	claims: []claim{
		{node: node{name: "sub", form: textValue, text: "sub"}, required: true},
		{node: node{name: "type", form: textValue, text: "type"}, required: true},
		{node: node{name: "vendorId", form: textValue, text: "vendorId"}},
		{node: node{name: "aud", form: textValue, text: "aud"}, required: true},
		{node: node{name: "iss", form: textValue, text: "iss"}, required: true},
		{node: node{name: "iat", form: timeValue, text: "iat"}, required: true},
		{node: node{name: "exp", form: timeValue, text: "exp"}, required: true},
		{node: node{name: "jti", form: textValue, text: "jti"}},
	},
}

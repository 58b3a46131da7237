package handlers_test

// connectionDifferences lists where the rows of connections differ from the published API.
func connectionDifferences() map[string]string {
	const (
		partial = "a client says what its protocol has and what it wants to change; the published clients leave the rest out"
		several = "a federation's metadata has several providers"
	)
	all := map[string]string{
		"POST /team/resources/sso/v1/configurations/metadata: request entityId is not in the contract":   several,
		"PUT /team/resources/sso/v1/configurations/{}/metadata: request entityId is not in the contract": several,
	}
	for _, row := range []string{"POST /team/resources/sso/v1/configurations", "PATCH /team/resources/sso/v1/configurations/{}"} {
		for _, field := range []string{
			"enabled", "ssoEndpoint", "publicCertificate", "signRequest", "acsUrl", "spEntityId", "type", "oidcClientId", "oidcSecret",
			"configMetadata", "overrideActiveTenant", "subAccountAccessLimit", "idpClientId", "idpClientSecret",
		} {
			all[row+": request "+field+" required false, want true"] = partial
		}
	}
	return all
}

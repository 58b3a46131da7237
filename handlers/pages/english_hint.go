package pages

// englishHints say where things are to be found at a provider: by kind, protocol and step.
func englishHints() map[string]string {
	return map[string]string{
		"hint.okta.saml.ours": "In the Okta admin console: Applications, Create App Integration, SAML 2.0. Our ACS address " +
			"goes into “Single sign-on URL”, our entity ID into “Audience URI (SP Entity ID)”.",
		"hint.okta.saml.provider": "In Okta the tab “Sign On” of the application shows the “Metadata URL”.",
		"hint.okta.oidc.ours": "In the Okta admin console: Applications, Create App Integration, OIDC, Web Application. Our " +
			"address goes into “Sign-in redirect URIs”.",
		"hint.okta.oidc.provider": "The tab “General” of the application shows the client ID and the secret. The issuer is " +
			"your Okta address, such as https://acme.okta.com.",

		"hint.entra.saml.ours": "In the Microsoft Entra admin center: Enterprise applications, New application, Create your " +
			"own; then Single sign-on, SAML. Upload our metadata there, or type: our entity ID is the “Identifier”, our ACS " +
			"address the “Reply URL”.",
		"hint.entra.saml.provider": "In Entra, “SAML Certificates” on the page Single sign-on shows the “App Federation " +
			"Metadata Url”.",
		"hint.entra.oidc.ours": "In the Microsoft Entra admin center: App registrations, New registration. Our address is the " +
			"redirect URI of the platform “Web”.",
		"hint.entra.oidc.provider": "The issuer is https://login.microsoftonline.com/, your directory (tenant) ID, and /v2.0. " +
			"The client ID is the “Application (client) ID”. Of the secret take the “Value”, not its ID.",

		"hint.google.saml.ours": "In the Google Admin console: Apps, Web and mobile apps, Add app, Add custom SAML app. Our " +
			"values go onto the page “Service provider details”. Choose EMAIL as the Name ID format.",
		"hint.google.saml.provider": "In the Google Admin console choose “Download metadata” on the page of the app, and " +
			"upload the file here.",
		"hint.google.oidc.ours": "In the Google Cloud console: APIs & Services, Credentials, OAuth client ID, Web application. " +
			"Our address goes into “Authorized redirect URIs”.",
		"hint.google.oidc.provider": "The issuer is https://accounts.google.com. The console shows client ID and secret when " +
			"the client is made.",

		"hint.jumpcloud.saml.ours": "In the JumpCloud admin portal: SSO Applications, Add New Application, Custom Application, " +
			"SAML. Our entity ID is the “SP Entity ID”, our ACS address goes into “ACS URLs”.",
		"hint.jumpcloud.saml.provider": "In JumpCloud the tab “SSO” of the application has “Copy Metadata URL” and “Export " +
			"Metadata”.",
		"hint.jumpcloud.oidc.ours": "In the JumpCloud admin portal: SSO Applications, Add New Application, Custom Application, " +
			"OIDC. Our address goes into “Redirect URIs”; choose “Client Secret Basic”.",
		"hint.jumpcloud.oidc.provider": "The issuer is https://oauth.id.jumpcloud.com/. JumpCloud shows the secret once, when " +
			"the application is made.",
	}
}

func englishMoreHints() map[string]string {
	return map[string]string{
		"hint.onelogin.saml.ours": "In the OneLogin administration: Applications, Add App, “SAML Custom Connector (Advanced)”. " +
			"Under Configuration our entity ID is the “Audience (EntityID)”, our ACS address the “ACS (Consumer) URL”.",
		"hint.onelogin.saml.provider": "In OneLogin the tab “SSO” of the application shows the “Issuer URL”, which is the " +
			"metadata address.",
		"hint.onelogin.oidc.ours": "In the OneLogin administration: Applications, Add App, “OpenId Connect (OIDC)”. Our " +
			"address goes into “Redirect URI's” under Configuration.",
		"hint.onelogin.oidc.provider": "The tab “SSO” of the application shows the client ID, the secret and the issuer.",

		"hint.keycloak.saml.ours": "In the Keycloak admin console: Clients, Import client, with our metadata. Or create a " +
			"client of SAML whose ID is our entity ID, with our ACS address as “Master SAML Processing URL”.",
		"hint.keycloak.saml.provider": "In Keycloak “SAML 2.0 Identity Provider Metadata” stands under Realm settings, " +
			"Endpoints.",
		"hint.keycloak.oidc.ours": "In the Keycloak admin console: Clients, Create client, OpenID Connect, with “Client " +
			"authentication” on. Our address goes into “Valid redirect URIs”.",
		"hint.keycloak.oidc.provider": "The issuer is the address of the realm: your Keycloak's, and /realms/ and the name of " +
			"the realm. The tab “Credentials” of the client shows the secret.",

		"hint.other.saml.ours": "Create an application for SAML 2.0 at your provider and give it these values. Have it sign " +
			"its assertions, and send the e-mail address of the person.",
		"hint.other.saml.provider": "Most providers show an address or a file of metadata, which holds all that is needed.",
		"hint.other.oidc.ours": "Create a web application for OpenID Connect at your provider, with a client secret, and give " +
			"it this address.",
		"hint.other.oidc.provider": "The issuer is the address below which your provider has /.well-known/openid-configuration.",
	}
}

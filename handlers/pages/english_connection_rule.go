package pages

func englishConnectionRules() map[string]string {
	return map[string]string{
		"the set-up link is over": "It was opened already, in this or in another browser, or it is too old. Ask for a new one.",
		"the set-up is over":      "The set-up ended, or its time is up. Ask for a new link.",
		"only who looks after single sign-on may do this": "Only who looks after single sign-on in your organization may see " +
			"this.",
		"you may not do this":         "You may not do this.",
		"protocol is missing":         "Choose what your provider speaks.",
		"metadataUrl is missing":      "Enter the metadata address.",
		"xml is missing":              "Paste the metadata.",
		"file is missing":             "Choose a file.",
		"endpoint is missing":         "Enter the sign-in address.",
		"certificate is missing":      "Paste the certificate.",
		"issuer is missing":           "Enter the issuer.",
		"clientId is missing":         "Enter the client ID.",
		"domain is missing":           "Enter a domain.",
		"group is missing":            "Enter the name of the group.",
		"choose a role for the group": "Choose at least one role for the group.",

		"the record is not there yet": "The record is not there yet. New records can take a while; check again in some " +
			"minutes.",
		"nobody came through the connection yet":    "Nobody came through the connection yet, so there is nothing to preview.",
		"ssoEndpoint must be an absolute https URL": "The address must begin with https://.",
		"ssoEndpoint should not be empty": "The connection lacks the provider's sign-in address. Tell us where your provider " +
			"is first.",
		"ssoEndpoint should not be empty: it is the issuer": "The connection lacks the issuer. Tell us where your provider is " +
			"first.",
		"publicCertificate should not be empty": "The connection lacks the provider's certificate. Tell us where your provider " +
			"is first.",
		"oidcClientId should not be empty":      "The connection lacks the client ID.",
		"oidcSecret should not be empty":        "The connection lacks the client secret.",
		"url the address gave no usable answer": "The address gave no usable answer. Is it reachable from outside?",

		"group already exists":  "The group is mapped already. Remove that first.",
		"domain already exists": "You have this domain already.",

		"domain must be the domain of e-mail addresses, such as acme.com": "Enter the domain of your addresses, such as " +
			"acme.com.",
		"domain is a public suffix, which nobody has for themselves": "Nobody has this domain for themselves.",
		"domain belongs to a provider where anybody can have an address": "Anybody can have an address there, so nobody can " +
			"have the domain.",
		"another account has proved that it has this domain":      "Another organization has proved that this domain is theirs.",
		"roleIds may only be roles that everybody is given":       "Only an administrator of the organization may choose this role.",
		"the role is stronger than your own":                      "A role is stronger than your own.",
		"the configuration was changed meanwhile: try again":      "Somebody else changed the connection meanwhile. Try again.",
		"an account may have no more than {0} SSO configurations": "There are {0} connections already, and no more fit.",
		"the address has had its share of mail":                   "This address got enough mail from us today.",
		"SSO configuration not found":                             "There is no such connection.",
		"the form must be multipart/form-data":                    "The form cannot be read.",
	}
}

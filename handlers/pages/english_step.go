package pages

func englishSteps() map[string]string {
	return map[string]string{
		"steps.label":           "Steps",
		"steps.next":            "Next step",
		"step.ours":             "Our values",
		"step.ours.state":       "What your provider has to know of us",
		"step.provider":         "Your provider",
		"step.provider.known":   "Known",
		"step.provider.missing": "Not known yet",
		"step.domains":          "Domains",
		"step.domains.state":    "Proved: {0}",
		"step.roles":            "Roles and groups",
		"step.roles.state":      "Groups mapped: {0}",
		"step.test":             "Test",
		"step.test.state":       "Try it, and see who came and why they did not get in",
		"step.done":             "Done",

		"ours.lead":        "Create an application at your provider and give it these values.",
		"ours.acs":         "ACS address (where answers go)",
		"ours.entity":      "Our entity ID (audience)",
		"ours.metadata":    "Our metadata",
		"ours.redirect":    "Redirect URI",
		"ours.certificate": "Download our certificate",

		"domains.lead": "Whose people come through this connection? Everybody with an address in a proved domain signs in " +
			"here, and in no other way.",
		"domains.none":        "No domain yet.",
		"domains.proved":      "Proved",
		"domains.waiting":     "Waits for its proof",
		"domains.record":      "Have this TXT record set where the domain's DNS is looked after:",
		"domains.record.name": "Name",
		"domains.record.text": "Value",
		"domains.check":       "Check now",
		"domains.remove":      "Remove",
		"domains.add":         "Add a domain",
		"domains.submit":      "Add",
		"domain.label":        "Domain",
		"domain.hint":         "What stands behind the @, such as acme.com. Each one is added by itself.",
	}
}

func englishProviders() map[string]string {
	return map[string]string{
		"provider.lead":       "Tell us where your provider is, in one of these ways.",
		"provider.url":        "By its metadata address",
		"provider.url.why":    "The best way: we read it again from time to time, so that new certificates are known in time.",
		"provider.file":       "By a metadata file",
		"provider.xml":        "By pasted metadata",
		"provider.hand":       "By hand",
		"provider.hand.why":   "For providers without metadata. You will have to renew the certificate yourself.",
		"provider.submit":     "Save",
		"provider.fetch":      "Fetch and save",
		"provider.upload":     "Upload",
		"provider.known":      "What we know",
		"provider.until":      "Certificate until",
		"provider.oidc":       "Copy these from the application at your provider.",
		"provider.secret.has": "There is a secret. Leave the field empty to keep it.",
		"metadataUrl.label":   "Metadata address",
		"xml.label":           "Metadata (XML)",
		"file.label":          "Metadata file (XML)",
		"endpoint.label":      "Sign-in address",
		"entityId.label":      "Entity ID of the provider",
		"entityId.hint":       "Empty: the first answer that its certificate signed says it.",
		"certificate.label":   "Certificate (PEM or base64)",
		"issuer.label":        "Issuer",
		"clientId.label":      "Client ID",
		"secret.label":        "Client secret",
	}
}

func englishMappings() map[string]string {
	return map[string]string{
		"roles.lead":         "What people may do who come through this connection.",
		"roles.all":          "Roles for everybody",
		"roles.all.why":      "Besides the roles that every new member gets.",
		"roles.none":         "There are no roles that you can give.",
		"roles.above":        "(stronger than your own)",
		"roles.submit":       "Save roles",
		"roles.groups":       "Roles by group",
		"roles.groups.why":   "A group's name counts exactly as your provider sends it.",
		"roles.groups.add":   "Map a group",
		"roles.groups.roles": "Its roles",
		"roles.attrs":        "Attributes",
		"roles.attrs.why": "Where your provider puts things. Empty is right for nearly everybody: then the usual names count. " +
			"Several names are separated by commas.",
		"roles.preview":     "Preview",
		"roles.preview.why": "Preview reads what came last with these names, and saves nothing.",
		"roles.save":        "Save attributes",
		"group.label":       "Group at the provider",
		"group.hint":        "Some providers send an ID instead of a name.",
		"attrEmail.label":   "E-mail",
		"attrName.label":    "Whole name",
		"attrGiven.label":   "Given name",
		"attrFamily.label":  "Family name",
		"attrGroups.label":  "Groups",

		"trial.title":    "With these settings",
		"trial.accepted": "The person would get in.",
		"trial.refused":  "The person would not get in:",
		"trial.email":    "E-mail",
		"trial.name":     "Name",
		"trial.subject":  "Known as",
		"trial.groups":   "Groups",
		"trial.roles":    "Roles",
		"trial.nothing":  "Nothing",
	}
}

func englishAttempts() map[string]string {
	return map[string]string{
		"test.how": "Sign in at your provider to see what it sends. Nobody is signed in by it, and the connection may " +
			"still be off.",
		"test.submit":       "Try it with your own account",
		"attempts.title":    "The last attempts",
		"attempts.none":     "Nobody came through this connection yet.",
		"attempts.person":   "Person",
		"attempts.unknown":  "unknown",
		"attempts.show":     "Details",
		"attempt.title":     "An attempt",
		"attempt.in":        "Accepted",
		"attempt.out":       "Refused",
		"attempt.why":       "Why",
		"attempt.when":      "When",
		"attempt.from":      "From",
		"attempt.person":    "Person",
		"attempt.said":      "What the provider said",
		"attempt.shown":     "The answer as it came",
		"attempt.short":     "What tells who somebody is was shortened.",
		"attempt.again":     "Try again with the settings of now",
		"attempt.again.why": "Reads this answer once more. Nobody is signed in by it.",
		"attempt.mend":      "Where to mend it:",
		"attempt.back":      "All attempts",
	}
}

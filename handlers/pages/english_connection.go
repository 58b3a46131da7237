package pages

func englishConnections() map[string]string {
	return map[string]string{
		"optional":      "(optional)",
		"protocol.saml": "SAML 2.0",
		"protocol.oidc": "OpenID Connect",

		"kind.okta":      "Okta",
		"kind.entra":     "Microsoft Entra ID",
		"kind.google":    "Google Workspace",
		"kind.jumpcloud": "JumpCloud",
		"kind.onelogin":  "OneLogin",
		"kind.keycloak":  "Keycloak",
		"kind.other":     "Another provider",

		"connections.title": "Single sign-on",
		"connections.lead":  "Let the people of {0} sign in through an identity provider of your own.",
		"connections.none": "There is no connection yet. Add one below: you can take your time, nothing changes for anybody " +
			"until you turn it on.",
		"connections.have":          "Connections",
		"connections.on":            "On",
		"connections.off":           "Off",
		"connections.domains":       "Domains proved: {0} of {1}",
		"connections.certificate":   "Certificate of the provider until",
		"connections.expired":       "The provider's certificate has run out: nobody can sign in. Upload its current metadata.",
		"connections.expires":       "The provider's certificate runs out soon. Upload its current metadata in time.",
		"connections.last":          "Last attempt",
		"connections.accepted":      "accepted",
		"connections.refused":       "refused",
		"connections.open":          "Open",
		"connections.add":           "Add a connection",
		"connections.protocol":      "What does your provider speak?",
		"connections.protocol.saml": "Most company directories do.",
		"connections.protocol.oidc": "Newer, and quicker to set up.",
		"connections.kind":          "Your provider",
		"connections.kind.why":      "For hints where to find things. It changes nothing else.",
		"connections.submit":        "Add the connection",
		"connections.readonly":      "You can look at this, but not change it.",
		"called.label":              "Name",
	}
}

func englishConnection() map[string]string {
	return map[string]string{
		"connection.title":      "Connection",
		"connection.steps":      "Set it up",
		"connection.state.on":   "People in its proved domains sign in through it, and in no other way.",
		"connection.state.off":  "Nobody signs in through it.",
		"connection.turn.on":    "Turn on",
		"connection.turn.off":   "Turn off",
		"connection.turn.ends":  "Turning it off ends the sessions that came through it.",
		"connection.undomained": "No domain is proved, so that nobody will be sent to it yet.",
		"connection.delete":     "Delete this connection",
		"connection.back":       "All connections",
		"wizard.done.on":        "The connection is on.",
		"wizard.done.off":       "The connection is off.",
		"wizard.done.deleted":   "The connection is deleted.",
		"wizard.done.claimed":   "The domain is added. Now prove that it is yours.",
		"wizard.done.proved":    "The domain is proved.",
		"wizard.done.unclaimed": "The domain is removed.",
		"wizard.done.saved":     "Saved.",
		"wizard.done.mapped":    "The group is mapped.",
		"wizard.done.unmapped":  "The group is not mapped any more.",
		"wizard.done.tested":    "You are back. What came is the newest attempt below.",
		"wizard.done.revoked":   "The link does not work any more.",

		"delete.title": "Delete the connection?",
		"delete.lead": "{0} and its domains, mappings and attempts go for good. Sessions that came through it end. Accounts " +
			"stay.",
		"delete.submit": "Delete for good",
		"delete.cancel": "Keep it",
	}
}

func englishInvitations() map[string]string {
	return map[string]string{
		"guest.note": "You are setting up single sign-on for {0}. This browser may do so until {1}.",
		"guest.done": "I am done",

		"invite.title": "A link for somebody else",
		"invite.lead": "Somebody else runs your identity provider? With a link they can set single sign-on up for {0} without " +
			"an account. The link opens nothing else.",
		"invite.made":    "This is the link. It is shown only now.",
		"invite.mailed":  "The link is on its way. Here it is once more, it is shown only now.",
		"invite.link":    "The link",
		"invite.how":     "It works once, for seven days. Who opens it can change single sign-on for a day.",
		"invite.submit":  "Make a link",
		"invite.again":   "A new link ends this one.",
		"invite.waiting": "A link waits to be opened",
		"invite.opened":  "A link was opened",
		"invite.until":   "Until",
		"invite.revoke":  "Revoke",
		"invite.open":    "Let somebody else do it",
		"invitee.label":  "E-mail of who gets it",
		"invitee.hint":   "Leave it empty to hand the link over yourself.",

		"open.title":   "Set single sign-on up",
		"open.lead":    "Somebody at {0} asks you to connect your identity provider.",
		"open.how":     "You need no account. The link works once and in this browser: go on when you have the time, you get a day.",
		"open.submit":  "Begin",
		"closed.title": "Thank you",
		"closed.lead": "The set-up is closed, and this browser can change nothing any more. For another look, ask for a new " +
			"link.",
	}
}

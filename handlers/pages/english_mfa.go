package pages

func englishMFA() map[string]string {
	return map[string]string{
		"mfa.title":       "Enter your code",
		"mfa.lead":        "Open your authenticator app and type the six digits that it shows for this account.",
		"mfa.remember":    "Do not ask in this browser for {0} days",
		"mfa.submit":      "Sign in",
		"mfa.lost":        "No access to the app?",
		"mfa.lost.link":   "Use a recovery code",
		"recovery.title":  "Use a recovery code",
		"recovery.lead":   "One of the codes that you kept when you set up the app. Each works once.",
		"recovery.submit": "Sign in",
		"recovery.back":   "Use the app after all",
		"setup.title":     "Set up a second step",
		"setup.lead": "Besides the password you will type a code from an app on your phone. " +
			"A stolen password alone then opens nothing.",
		"setup.forced": "Your organization asks for a second step. It takes a minute.",
		"setup.need": "You need an authenticator app, such as Aegis, " +
			"Google Authenticator, Microsoft Authenticator or 1Password.",
		"setup.submit":   "Continue",
		"setup.cancel":   "Not now",
		"enroll.title":   "Connect your app",
		"enroll.scan":    "Scan this picture with the app.",
		"enroll.picture": "A picture with the key for your authenticator app. The same key stands below as text.",
		"enroll.type":    "Or type this key into it:",
		"enroll.open":    "The app is on this device? Open it",
		"enroll.then":    "Then type the six digits that the app shows.",
		"enroll.again":   "The picture is shown once. Type the code that the app shows now, or start again with a new picture.",
		"enroll.submit":  "Turn on",
		"enroll.new":     "Start again",
		"codes.title":    "Keep your recovery codes",
		"codes.lead": "Each of them signs you in once when you have no access to the app. " +
			"They are shown only now: print them, or keep them in a password manager.",
		"codes.label":   "Recovery codes",
		"codes.save":    "Save as a file",
		"codes.file":    "Recovery codes for {0}",
		"codes.done":    "I have kept them",
		"renew.title":   "New recovery codes",
		"renew.lead":    "The old ones stop working.",
		"renew.submit":  "Make new codes",
		"remove.title":  "Remove the app",
		"remove.lead":   "Show once more that it is you. Without any app your password alone signs you in.",
		"remove.submit": "Remove",
	}
}

func englishFactors() map[string]string {
	return map[string]string{
		"security.mfa":          "Second step",
		"security.mfa.off":      "Off",
		"security.mfa.why":      "A code from an app on your phone, besides the password.",
		"security.mfa.setup":    "Set up",
		"security.mfa.add":      "Add another app",
		"security.mfa.app":      "Authenticator app {0}",
		"security.mfa.added":    "Added",
		"security.mfa.remove":   "Remove",
		"security.codes":        "Recovery codes",
		"security.codes.left":   "{0} left",
		"security.codes.few":    "Make new ones before they run out.",
		"security.codes.new":    "New codes",
		"security.done.mfa":     "The app is connected. Your other sessions have ended.",
		"security.done.removed": "The app is removed. Your other sessions have ended.",

		"wrong code":                        "The code is wrong, or was used already. Wait for the next one.",
		"proof is missing":                  "Enter a code.",
		"recovery is missing":               "Enter a recovery code.",
		"wrong recovery code":               "That is none of your unused recovery codes.",
		"this enrollment is over":           "That took too long, or too many codes were wrong. Start again.",
		"a device is enrolled already":      "An app is connected already. Sign in again, and use it.",
		"no more devices can be enrolled":   "You have as many apps as you can have. Remove one first.",
		"authenticator apps are not active": "Authenticator apps are turned off here.",
		"the MFA policy asks for a second factor": "Your organization asks for a second step, so the last app stays. " +
			"Connect another one first.",
		"no such device": "That app is removed already.",
	}
}

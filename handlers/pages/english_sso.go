package pages

func englishSSO() map[string]string {
	return map[string]string{
		"login.sso": "Use single sign-on",

		"doors.or":     "or",
		"doors.sso":    "Continue with single sign-on",
		"doors.social": "Continue with {0}",

		"sso.title":  "Single sign-on",
		"sso.lead":   "Sign in where your organization does. Your work address tells us where that is.",
		"sso.submit": "Continue",
		"sso.other":  "Sign in another way",

		"away.title":    "One moment",
		"away.lead":     "You sign in elsewhere and come back. This is where you are going:",
		"away.submit":   "Continue",
		"rehearse.lead": "You try the sign-in and come back. This is where you are going:",
		"leave.lead":    "You are signed out here. This is where you sign out of your organization:",

		"problem.sso":    "Use single sign-on",
		"problem.signin": "You are not signed in",
		"problem.again":  "Try again",

		"signing in through the identity provider failed": "The sign-in at the provider did not work. " +
			"Try again; if it goes on, tell your administrator.",
		"no single sign-on for the address": "We know of no single sign-on for this address. Sign in another way.",
		"sign in with single sign-on":       "Your organization asks you to sign in through its own provider.",
		"sign in without this tenant's single sign-on to change that: you belong to other tenants too": "You belong to other " +
			"organizations too, so this cannot be changed after a sign-in through the provider of one. Sign in another way first.",
		"sign in again through your provider": "Sign out, and sign in again through your organization's provider.",
	}
}

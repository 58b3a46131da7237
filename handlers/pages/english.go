package pages

import "maps"

// English returns everything that the pages say, by key: what Config.Texts may say in other
// languages or other words. {0}, {1} and so on stand for what is filled in. The keys that are
// sentences are what the rules say, with {0}, {1} and so on for numbers.
func English() map[string]string {
	all := englishSignIn()
	for _, more := range []map[string]string{
		englishProofs(), englishSecurity(), englishMFA(), englishFactors(), englishErrors(), englishRules(),
		englishSSO(), englishConnections(), englishConnection(), englishInvitations(), englishSteps(), englishProviders(),
		englishMappings(), englishAttempts(), englishHints(), englishMoreHints(), englishConnectionRules(),
	} {
		maps.Copy(all, more)
	}
	return all
}

func englishSignIn() map[string]string {
	return map[string]string{
		"email.label":    "E-mail",
		"newEmail.label": "New e-mail",
		"name.label":     "Your name",
		"company.label":  "Company",
		"password.label": "Password",
		"current.label":  "Current password",
		"code.label":     "Code",
		"proof.label":    "Code from your app, or a recovery code",
		"recovery.label": "Recovery code",
		"password.hint":  "At least {0} characters. A few words in a row are easy to remember and hard to guess.",

		"footer.label": "More",
		"signout":      "Sign out",
		"back.login":   "Back to sign in",

		"login.title":        "Sign in",
		"login.lead":         "Welcome back.",
		"login.lead.brand":   "Welcome back to {0}.",
		"login.next":         "Continue",
		"login.submit":       "Sign in",
		"login.as":           "Signing in as",
		"login.other":        "Use another address",
		"login.forgot":       "Forgot your password?",
		"login.signup":       "No account yet?",
		"login.signup.link":  "Sign up",
		"login.resend":       "Send the message again",
		"login.done.out":     "You are signed out.",
		"login.done.all":     "You are signed out everywhere.",
		"login.done.reset":   "Your password is changed. Sign in with the new one.",
		"login.done.unlock":  "Your account is unlocked. Sign in.",
		"login.done.expired": "That took too long. Sign in again.",

		"signup.title":             "Sign up",
		"signup.heading":           "Create your account",
		"signup.lead":              "For you and your company. You can ask colleagues in afterwards.",
		"signup.submit":            "Create account",
		"signup.login":             "Have an account?",
		"signup.login.link":        "Sign in",
		"signup.title.email.label": "Work e-mail",
	}
}

func englishProofs() map[string]string {
	return map[string]string{
		"sent.title":   "Check your mail",
		"sent.to":      "We sent a message to",
		"sent.follow":  "Follow the link in it to confirm that the address is yours. It works once.",
		"sent.nothing": "Nothing there after a few minutes? Look among the unwanted mail, or have it sent again.",
		"sent.again":   "Send again",
		"sent.done":    "If an account waits for it, another message is on its way.",

		"verify.title":  "Enter the code",
		"verify.lead":   "We sent a code of six digits to",
		"verify.submit": "Confirm",

		"activate.title":    "Confirm your address",
		"activate.lead":     "One click and your account is ready.",
		"activate.password": "Choose a password and your account is ready.",
		"activate.submit":   "Confirm and continue",

		"forgot.title":    "Reset your password",
		"forgot.lead":     "Tell us your address, and we send you a link to choose a new password.",
		"forgot.submit":   "Send the link",
		"forgotten.title": "Check your mail",
		"forgotten.lead":  "If there is an account for this address, a link is on its way to",
		"forgotten.more": "It works once, and not for long. " +
			"Nothing there after a few minutes? Look among the unwanted mail, or try again.",

		"reset.title":  "Choose a new password",
		"reset.lead":   "You will be signed out wherever you are signed in.",
		"reset.submit": "Change password",

		"unlock.title": "Unlock your account",
		"unlock.lead": "Somebody tried too many wrong passwords, so the account was locked for a while. " +
			"If it was not you, nothing has happened: they did not get in.",
		"unlock.submit": "Unlock",
	}
}

func englishSecurity() map[string]string {
	return map[string]string{
		"security.title":          "Account security",
		"security.lead":           "How you sign in, and where you are signed in.",
		"security.home":           "Back to {0}",
		"security.home.plain":     "Back",
		"security.signin":         "Sign-in",
		"security.email":          "E-mail",
		"security.change":         "Change",
		"security.password":       "Password",
		"security.password.note":  "Other sessions end when you change it.",
		"security.accounts":       "Accounts that you sign in with",
		"security.account.tenant": "looked after by the organization",
		"security.account.unlink": "Unlink",
		"security.done.unlinked":  "The account is unlinked.",
		"security.sessions":       "Where you are signed in",
		"security.session.here":   "This browser",
		"security.session.used":   "Last used",
		"security.session.end":    "Sign out",
		"security.session.what":   "{0} on {1}",
		"security.session.other":  "Another device",
		"security.session.all":    "Sign out everywhere",
		"security.done.password":  "Your password is changed. Your other sessions have ended.",
		"security.done.email":     "Your address is changed.",
		"security.done.session":   "That session has ended.",
		"security.back":           "Back to account security",

		"password.title":                "Change your password",
		"password.lead":                 "You stay signed in here. Everywhere else you will be signed out.",
		"password.submit":               "Change password",
		"password.title.password.label": "New password",

		"change.title":  "Change your e-mail",
		"change.lead":   "We send a code to the new address, to make sure that it is yours. Until then {0} stays.",
		"change.submit": "Send the code",

		"confirm.title":  "Enter the code",
		"confirm.lead":   "If the address can be yours, a code of six digits is on its way to",
		"confirm.submit": "Change e-mail",
		"confirm.other":  "Use another address",
	}
}

func englishErrors() map[string]string {
	return map[string]string{
		"error.title":       "Error: {0}",
		"error.summary":     "Please check:",
		"error.limited":     "Too many attempts. Try again in {0}.",
		"error.unavailable": "We are very busy. Try again in {0}.",
		"error.internal":    "Something went wrong on our side. Try again in a moment.",
		"wait.minute":       "a minute",
		"wait.minutes":      "{0} minutes",
		"wait.hours":        "{0} hours",

		"problem.missing":  "Page not found",
		"problem.gone":     "This link no longer works",
		"problem.wait":     "Please wait a moment",
		"problem.internal": "Something went wrong",
		"problem.refused":  "That did not work",
		"problem.action":   "Go to sign in",
		"problem.forgot":   "Ask for a new link",
	}
}

func englishRules() map[string]string {
	return map[string]string{
		"there is no such page": "There is nothing at this address. Perhaps the link was cut off.",
		"the link is over":      "It was used already, or it is too old. Sign in, or sign up again to get a new one.",
		"the reset is over":     "It was used already, replaced by a newer one, or it is too old.",
		"the unlock is over":    "It was used already, or it is too old. The account unlocks by itself after a while.",

		"cross-origin request refused": "The form came from another site, " +
			"so nothing was done. Open the page itself and try again.",
		"the form cannot be read":                            "The form cannot be read.",
		"the form is too large":                              "The form is too large.",
		"the form must be application/x-www-form-urlencoded": "The form must be application/x-www-form-urlencoded.",

		"wrong email or password":                      "Wrong email or password.",
		"wrong password":                               "That is not your current password.",
		"confirm your address":                         "Confirm your address first, by the message that we sent you.",
		"there is an account":                          "There is an account with this address already. Sign in instead.",
		"email is missing":                             "Enter your e-mail address.",
		"newEmail is missing":                          "Enter the new address.",
		"password is missing":                          "Enter your password.",
		"current is missing":                           "Enter your current password.",
		"newPassword is missing":                       "Choose a password.",
		"name is missing":                              "Enter your name.",
		"companyName is missing":                       "Enter the name of your company.",
		"code is missing":                              "Enter the code.",
		"email must be an email":                       "Enter a whole e-mail address, such as ada@example.com.",
		"email is yours already":                       "This is your address already.",
		"User already exists":                          "This address cannot be used.",
		"only an administrator changes addresses here": "Only an administrator changes addresses here.",

		"name must be shorter than or equal to {0} characters":        "Your name is too long.",
		"companyName must be shorter than or equal to {0} characters": "The company name is too long.",

		"password must have at least {0} characters":                  "The password must have at least {0} characters.",
		"password is too long":                                        "The password is too long.",
		"password must be valid UTF-8 without U+0000":                 "The password has characters that cannot be kept.",
		"password is one of the most common passwords":                "This is one of the most common passwords. Choose another.",
		"password must not be made of your own or the service's name": "The password must not be made of your own or the service's name.",
		"password is known from a data breach":                        "This password is known from a data breach. Choose another.",
		"password must differ from the current password":              "The new password must differ from the current one.",
		"newPassword must differ from the current password":           "The new password must differ from the current one.",

		"this is the only way to sign in: set a password first": "This is your only way to sign in. Set a password first, " +
			"by “Forgot your password?” on the sign-in page.",
		"this account belongs to the organization": "The organization looks after this account.",

		"code is wrong or has expired": "The code is wrong or too old.",
		"no such record":               "That is gone already.",
	}
}

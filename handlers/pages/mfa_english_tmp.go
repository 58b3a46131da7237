package pages

func englishMFA() map[string]string { return nil }

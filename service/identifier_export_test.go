package service

// NormalizeEmail lets tests reach normalizeEmail.
func NormalizeEmail(text string) (string, error) { return normalizeEmail(text) }

// ObjectText lets tests reach objectText.
func ObjectText(text string) bool { return objectText(text) }

package pages

// Pretty is pretty for tests.
func Pretty(text string) string { return pretty(text) }

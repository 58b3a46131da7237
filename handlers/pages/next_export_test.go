package pages

// Local is local, for the corpus of redirect targets.
func Local(target string) string { return local(target) }

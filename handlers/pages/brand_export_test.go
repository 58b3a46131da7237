package pages

// Accents is accents for tests.
func Accents(b Brand) (light, dark string, err error) {
	l, d, err := b.accents()
	return l.String(), d.String(), err
}

// Hex is a colour as text.
func Hex(r, g, b byte) string { return colour{r, g, b}.String() }

// Contrast is the contrast of two colours.
func Contrast(a, b string) float64 {
	one, _ := parseColour(a)
	two, _ := parseColour(b)
	return one.contrast(two)
}

package pages

import (
	"encoding/hex"
	"fmt"
	"math"
)

// A colour is red, green and blue of sRGB.
type colour [3]byte

// The grounds on which the accent is read as text, of each scheme: those of account.css.
const (
	lightCard, lightPage = "#ffffff", "#f5f6f8"
	darkCard, darkPage   = "#181b22", "#101217"
)

// leastContrast is what text needs (WCAG 2.2, 1.4.3).
const leastContrast = 4.5

func parseColour(text string) (colour, error) {
	var c colour
	if len(text) == 7 && text[0] == '#' {
		if n, err := hex.Decode(c[:], []byte(text[1:])); err == nil && n == len(c) {
			return c, nil
		}
	}
	return c, fmt.Errorf("colour %q must be # and six hexadecimal digits", text)
}

func (c colour) String() string { return "#" + hex.EncodeToString(c[:]) }

// luminance is how bright the colour is (WCAG 2.2, relative luminance).
func (c colour) luminance() float64 {
	linear := func(b byte) float64 {
		v := float64(b) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is how well one colour is read on the other, 1 to 21.
func (c colour) contrast(on colour) float64 {
	a, b := c.luminance(), on.luminance()
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// mix moves the colour towards another by a share.
func (c colour) mix(to colour, share float64) colour {
	for i := range c {
		c[i] = byte(math.Round(float64(c[i])*(1-share) + float64(to[i])*share))
	}
	return c
}

// ink is what is read better on the colour: black or white.
func (c colour) ink() colour {
	black, white := colour{0x0b, 0x0c, 0x10}, colour{0xff, 0xff, 0xff}
	if white.contrast(c) >= leastContrast {
		return white
	}
	return black
}

// checkAccent returns an error where the accent is hard to read on a ground of its scheme.
func checkAccent(name, text string, grounds ...string) (colour, error) {
	c, err := parseColour(text)
	if err != nil {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	for _, g := range grounds {
		ground, err := parseColour(g)
		if err != nil {
			return c, err
		}
		if have := c.contrast(ground); have < leastContrast {
			return c, fmt.Errorf("%s %s has a contrast of %.1f on %s, must have %.1f", name, text, have, g, leastContrast)
		}
	}
	if have := c.ink().contrast(c); have < leastContrast {
		return c, fmt.Errorf("%s %s has a contrast of %.1f to the words on a button, must have %.1f", name, text, have, leastContrast)
	}
	return c, nil
}

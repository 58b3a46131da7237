package mfa_test

import (
	"encoding/base64"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/go-identity/identity/mfa"
)

func picture(t *testing.T, text string) image.Image {
	t.Helper()
	uri, err := mfa.QR(text)
	if err != nil {
		t.Fatal(err)
	}
	encoded, ok := strings.CutPrefix(uri, "data:image/png;base64,")
	if !ok {
		t.Fatalf("no PNG: %.40s", uri)
	}
	p, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestQR looks at what every reader finds a code by: the quiet zone and the three corners.
func TestQR(t *testing.T) {
	t.Parallel()
	p := picture(t, newKey(t).URL("Acme Reports", "ann@example.com"))
	side := p.Bounds().Dx() / 4
	black := func(x, y int) bool {
		r, _, _, _ := p.At(x*4+1, y*4+1).RGBA()
		return r == 0
	}
	for i := range side {
		for edge := range 4 {
			if black(i, edge) || black(edge, i) || black(i, side-1-edge) || black(side-1-edge, i) {
				t.Fatalf("the quiet zone is not quiet at %d, %d", i, edge)
			}
		}
	}
	for _, corner := range [][2]int{{4, 4}, {side - 11, 4}, {4, side - 11}} {
		for i, want := range "#######" {
			if black(corner[0]+i, corner[1]) != (want == '#') {
				t.Errorf("no finder at %v", corner)
			}
		}
		if black(corner[0]+1, corner[1]+1) || !black(corner[0]+3, corner[1]+3) {
			t.Errorf("no finder at %v", corner)
		}
	}
	if modules := side - 8; modules < 21 || (modules-17)%4 != 0 {
		t.Errorf("%d modules", modules)
	}
	if _, err := mfa.QR(strings.Repeat("x", 10<<10)); err == nil {
		t.Error("10 KiB fit into a code")
	}
}

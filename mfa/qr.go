package mfa

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode/qr"
)

const (
	quietZone = 4 // modules around the code (ISO/IEC 18004)
	modulePx  = 4 // pixels of a module
)

// QR returns text as a QR code: a PNG in a data URI.
func QR(text string) (string, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	modules := code.Bounds().Dx()
	side := (modules + 2*quietZone) * modulePx
	picture := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			at := image.Pt(x/modulePx-quietZone, y/modulePx-quietZone)
			if at.In(code.Bounds()) && dark(code.At(at.X, at.Y)) {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

func dark(c color.Color) bool { return color.GrayModel.Convert(c).(color.Gray).Y < 0x80 }

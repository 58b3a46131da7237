package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Brand is whose pages they are.
type Brand struct {
	// Name is what people know the host by. Empty leaves it out.
	Name string
	// Logo is a picture, shown in place of the name: PNG, JPEG, WebP or SVG of at most 256
	// KiB, served with the pages. Nil means the first letter of the name, and the name.
	Logo []byte
	// LogoDark is the picture where people prefer dark. Nil means Logo.
	LogoDark []byte
	// LogoURL is the path of a picture that the host itself serves, such as "/logo.svg", in
	// place of Logo. Empty means Logo.
	LogoURL string
	// Accent is the colour of buttons and links, such as "#3b4fd8". It must be read well on
	// white: a contrast of 4.5. Empty means a blue.
	Accent string
	// AccentDark is Accent where people prefer dark, read well on near black. Empty means a
	// light blue, or where Accent is set, Accent made lighter until it is read well.
	AccentDark string
	// Links stand below every page: imprint, privacy, help. Nil means none.
	Links []Link
}

// A Link leads from a page to the host's own.
type Link struct {
	Text string // or a key of Config.Texts
	URL  string // a path, or an https or mailto address
}

const (
	blue, lightBlue = "#3b4fd8", "#8c9dff"
	maxLogo         = 256 << 10 // bytes
)

// A look is a brand, ready to be shown.
type look struct {
	Brand          string
	Initial        string
	Stylesheet     string // the paths of the files
	Mark           string
	Logo, LogoDark string
	Links          []Link
	files          map[string]asset // by "version/name"
}

// newLook checks a brand and makes what its pages load, under the folder base.
func newLook(base string, b Brand) (*look, error) {
	l := &look{Brand: b.Name, Initial: initial(b.Name), Links: b.Links, Logo: b.LogoURL, files: map[string]asset{}}
	accent, dark, err := b.accents()
	err = errors.Join(err, checkLinks(b.Links))
	if b.LogoURL != "" && local(b.LogoURL) != b.LogoURL {
		err = errors.Join(err, fmt.Errorf("logo %q must be a path of this host", b.LogoURL))
	}
	if err != nil {
		return nil, err
	}
	css, err := assets.ReadFile("assets/account.css")
	if err != nil {
		return nil, fmt.Errorf("read asset: %w", err)
	}
	mark, err := assets.ReadFile("assets/mark.svg")
	if err != nil {
		return nil, fmt.Errorf("read asset: %w", err)
	}
	l.Stylesheet = l.add(base, "account.css", asset{"text/css; charset=utf-8", append(css, style(accent, dark)...)})
	l.Mark = l.add(base, "mark.svg", asset{"image/svg+xml", bytes.ReplaceAll(mark, []byte(blue), []byte(accent.String()))})
	if b.LogoURL != "" {
		return l, nil
	}
	if l.Logo, err = l.picture(base, "logo", b.Logo); err != nil {
		return nil, err
	}
	l.LogoDark, err = l.picture(base, "logo-dark", b.LogoDark)
	return l, err
}

// addLogos keeps the pictures of the providers that the library knows, and returns their paths
// by type.
func (l *look) addLogos(base string) (map[string]string, error) {
	all := map[string]string{}
	for kind := range familiar() {
		body, err := assets.ReadFile("assets/social/" + kind + ".svg")
		if err != nil {
			return nil, fmt.Errorf("read asset: %w", err)
		}
		all[kind] = l.add(base, kind+".svg", asset{"image/svg+xml", body})
	}
	return all, nil
}

// accents are the brand's colours for light and dark.
func (b Brand) accents() (light, dark colour, err error) {
	asked := b.AccentDark
	if b.Accent == "" {
		b.Accent = blue
	}
	if light, err = checkAccent("accent", b.Accent, lightCard, lightPage); err != nil {
		return light, dark, err
	}
	if asked == "" && b.Accent != blue {
		return light, lighter(light), nil
	}
	if asked == "" {
		asked = lightBlue
	}
	dark, err = checkAccent("dark accent", asked, darkCard, darkPage)
	return light, dark, err
}

// lighter makes a colour lighter until it is read well in the dark, which white is.
func lighter(c colour) colour {
	white := colour{0xff, 0xff, 0xff}
	for share := 0.0; share < 1; share += 0.05 {
		l := c.mix(white, share)
		if _, err := checkAccent("", l.String(), darkCard, darkPage); err == nil && l.contrast(colour{0x18, 0x1b, 0x22}) >= 5.5 {
			return l
		}
	}
	return white
}

// style is the part of the stylesheet that is the brand's.
func style(light, dark colour) string {
	return "\n:root {" + palette(light) + "}\n\n@media (prefers-color-scheme: dark) {\n  :root {" + palette(dark) + "}\n}\n"
}

func palette(accent colour) string {
	on := accent.ink()
	away := colour{}
	if on.luminance() < 0.5 { // dark words: the ground may only get lighter
		away = colour{0xff, 0xff, 0xff}
	}
	return fmt.Sprintf(" --accent: %s; --accent-deep: %s; --on-accent: %s; --ring: rgb(%d %d %d / 0.3); ",
		accent, accent.mix(away, 0.18), on, accent[0], accent[1], accent[2])
}

func checkLinks(links []Link) error {
	for _, l := range links {
		u, err := url.Parse(l.URL)
		path := err == nil && u.Scheme == "" && local(l.URL) == l.URL
		away := err == nil && (u.Scheme == "https" && u.Host != "" || u.Scheme == "mailto" && u.Opaque != "")
		if l.Text == "" || !path && !away {
			return fmt.Errorf("link %q to %q needs a text, and a path, an https or a mailto address", l.Text, l.URL)
		}
	}
	return nil
}

// picture adds a logo to the files.
func (l *look) picture(base, name string, body []byte) (string, error) {
	if len(body) == 0 {
		return "", nil
	}
	if len(body) > maxLogo {
		return "", fmt.Errorf("%s has %d bytes, must have at most %d", name, len(body), maxLogo)
	}
	kind := http.DetectContentType(body)
	if bytes.Contains(body[:min(len(body), 1024)], []byte("<svg")) {
		kind = "image/svg+xml"
	}
	ends := map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/svg+xml": ".svg"}
	if ends[kind] == "" {
		return "", fmt.Errorf("%s is %s, must be PNG, JPEG, WebP or SVG", name, kind)
	}
	return l.add(base, name+ends[kind], asset{kind, body}), nil
}

// add keeps a file under a name that holds a hash of its content, so that browsers may keep
// it for good, and returns its path.
func (l *look) add(base, name string, a asset) string {
	sum := sha256.Sum256(a.body)
	file := hex.EncodeToString(sum[:6]) + "/" + name
	l.files[file] = a
	return base + file
}

// initial is the letter that stands for a brand.
func initial(brand string) string {
	brand = strings.TrimSpace(brand)
	if brand == "" {
		return ""
	}
	r, _ := utf8.DecodeRuneInString(brand)
	return string(unicode.ToUpper(r))
}

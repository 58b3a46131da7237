package pages

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// pretty lays a document out for reading, one part a line: XML, or a JSON object of lists of
// text. What is neither is returned as it is.
func pretty(text string) string {
	trimmed := strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(trimmed, "{"):
		var b bytes.Buffer
		var lists map[string][]string // what is nested deep would grow beyond measure
		if json.Unmarshal([]byte(trimmed), &lists) == nil && json.Indent(&b, []byte(trimmed), "", "  ") == nil {
			return b.String()
		}
	case strings.HasPrefix(trimmed, "<"):
		if laid, err := layOut(trimmed); err == nil {
			return laid
		}
	}
	return text
}

// maxMargin is how far parts are moved in: a stranger may nest them as deep as they like.
const maxMargin = 20

// layOut puts every element of a document on a line of its own, and text behind the tag that it
// follows. It copies the bytes: nothing is taken away or written in another way.
func layOut(text string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	var b strings.Builder
	margin := func(depth int) string { return "\n" + strings.Repeat("  ", min(depth, maxMargin)) }
	depth, last, leaf := 0, int64(0), true
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return strings.TrimSpace(b.String()), nil
		}
		if err != nil {
			return "", err
		}
		raw := text[last:d.InputOffset()]
		last = d.InputOffset()
		switch token.(type) {
		case xml.StartElement:
			b.WriteString(margin(depth) + raw)
			depth, leaf = depth+1, true
		case xml.EndElement:
			depth = max(0, depth-1)
			if !leaf && raw != "" {
				b.WriteString(margin(depth))
			}
			b.WriteString(raw)
			leaf = false
		default:
			b.WriteString(strings.TrimSpace(raw))
		}
	}
}

package service

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

const (
	maxName          = 255
	maxURL           = 4095
	maxMetadata      = 64 << 10
	maxMetadataDepth = 64
)

// checkText records what is wrong with a short text.
func checkText(c *fault.Checker, field, text string, longest int) {
	c.Check(store.Storable(text), field, "must be valid UTF-8 without U+0000")
	c.Check(utf8.RuneCountInString(text) <= longest, field,
		fmt.Sprintf("must be shorter than or equal to %d characters", longest))
}

// checkMetadata records what is wrong with a metadata document. Empty stands for {}.
func checkMetadata(c *fault.Checker, field, text string) {
	c.Check(len(text) <= maxMetadata, field, fmt.Sprintf("must be at most %d bytes", maxMetadata))
	c.Check(text == "" || len(text) > maxMetadata || objectText(text), field,
		"must be the text of one JSON object without duplicate keys, U+0000 or U+FFFD")
}

// objectText reports whether text is one JSON object that every database and every reader
// takes for the same: no key twice, no U+0000, no lone surrogate (which decodes to U+FFFD).
func objectText(text string) bool {
	if !store.Storable(text) || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return false
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	w := objectWalk{dec: dec}
	if !w.value(0) {
		return false
	}
	_, err := dec.Token()
	return err == io.EOF
}

// An objectWalk reads a JSON text token by token.
type objectWalk struct{ dec *json.Decoder }

func (w objectWalk) value(depth int) bool {
	t, err := w.dec.Token()
	if err != nil || depth > maxMetadataDepth {
		return false
	}
	switch t := t.(type) {
	case string:
		return plainString(t)
	case json.Delim:
		if t == '{' {
			return w.members(depth)
		}
		return w.elements(depth)
	}
	return true
}

func (w objectWalk) members(depth int) bool {
	seen := map[string]struct{}{}
	for w.dec.More() {
		t, err := w.dec.Token()
		key, ok := t.(string)
		if err != nil || !ok || !plainString(key) {
			return false
		}
		if _, twice := seen[key]; twice || !w.value(depth+1) {
			return false
		}
		seen[key] = struct{}{}
	}
	_, err := w.dec.Token()
	return err == nil
}

func (w objectWalk) elements(depth int) bool {
	for w.dec.More() {
		if !w.value(depth + 1) {
			return false
		}
	}
	_, err := w.dec.Token()
	return err == nil
}

func plainString(text string) bool {
	return !strings.ContainsRune(text, 0) && !strings.ContainsRune(text, utf8.RuneError)
}

// object returns the document that is kept for text: {} for none.
func object(text string) string {
	if text == "" {
		return "{}"
	}
	return text
}

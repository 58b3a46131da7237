package sqlstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/go-identity/identity/store"
)

// errDocument is wrapped with store.ErrInvalid.
var errDocument = errors.New("not a JSON object or array that every database keeps alike")

// bindDoc brings a document into one form: compact, members in byte order, numbers without
// an exponent. PostgreSQL rewrites JSON; whatever its form, all stores then return this one.
func bindDoc(d doc) (any, error) {
	switch d {
	case "":
		return nil, nil
	case "{}", "[]":
		return string(d), nil
	}
	text, err := reshape(string(d))
	if err != nil {
		return nil, errors.Join(store.ErrInvalid, err)
	}
	return text, nil
}

func bindList(l list) (any, error) {
	if len(l) == 0 {
		return nil, nil
	}
	for _, item := range l {
		if !store.Storable(item) { // encoding/json would mend it
			return nil, store.ErrInvalid
		}
	}
	text, err := json.Marshal([]string(l))
	if err != nil {
		return nil, err
	}
	return bindDoc(doc(text))
}

func reshape(text string) (string, error) {
	if !store.Storable(text) {
		return "", errDocument
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", fmt.Errorf("%w: %w", errDocument, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", errDocument
	}
	switch v.(type) {
	case map[string]any, []any:
	default:
		return "", errDocument
	}
	v, err := plain(v, maxDepth)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// maxDepth bounds nesting, well below where PostgreSQL's stack ends.
const maxDepth = 200

// plain checks the text and the numbers inside v, which may hold depth levels.
func plain(v any, depth int) (any, error) {
	var err error
	switch v := v.(type) {
	case string:
		if !store.Storable(v) {
			return nil, errDocument
		}
	case json.Number:
		return plainNumber(v)
	case []any:
		if depth == 0 {
			return nil, errDocument
		}
		for i := range v {
			if v[i], err = plain(v[i], depth-1); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if depth == 0 {
			return nil, errDocument
		}
		for k := range v {
			if !store.Storable(k) {
				return nil, errDocument
			}
			if v[k], err = plain(v[k], depth-1); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// maxDigits bounds what a number may grow to without its exponent: "1e130000" is eight
// bytes that PostgreSQL would return as 130,000.
const maxDigits = 400

// plainNumber writes n as PostgreSQL does: no exponent, no negative zero, as many decimals
// as were given.
func plainNumber(n json.Number) (json.Number, error) {
	text := string(n)
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	if len(mantissa) > maxDigits || len(exponent) > 4 {
		return "", errDocument
	}
	if !scientific && !strings.HasPrefix(text, "-0") {
		return n, nil
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", errDocument
	}
	shift := 0
	if scientific {
		if _, err := fmt.Sscanf(exponent, "%d", &shift); err != nil || max(shift, -shift) > maxDigits {
			return "", errDocument
		}
	}
	_, decimals, _ := strings.Cut(mantissa, ".")
	text = r.FloatString(max(0, len(decimals)-shift))
	if r.Sign() == 0 {
		text = strings.TrimPrefix(text, "-")
	}
	if len(text) > maxDigits { // what is written must be readable again
		return "", errDocument
	}
	return json.Number(text), nil
}

// docOf scans a document.
type docOf struct {
	text *string
	db   *DB
}

// Scan implements sql.Scanner.
func (d docOf) Scan(v any) error {
	text, err := textOf(v)
	if err != nil {
		return err
	}
	if d.db.dialect.Reshapes && len(text) > len("{}") {
		if text, err = reshape(text); err != nil {
			return err
		}
	}
	*d.text = text
	return nil
}

// listOf scans a list.
type listOf struct{ items *[]string }

// Scan implements sql.Scanner.
func (l listOf) Scan(v any) error {
	text, err := textOf(v)
	if err != nil || text == "" {
		*l.items = nil
		return err
	}
	return json.Unmarshal([]byte(text), l.items)
}

func textOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("text from %T", v)
}

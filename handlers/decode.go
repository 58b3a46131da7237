package handlers

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// inputs is what an operation reads from a request, made once from its input type.
type inputs struct {
	body   *shape // nil for none
	whole  []int  // index of the field that is the whole body; nil when the struct is
	params []param
	query  []int // index of the field that takes the query as it is
}

// newInputs reads an input type.
func newInputs(t reflect.Type) (*inputs, error) {
	in := &inputs{}
	var err error
	for f := range visible(t) {
		switch {
		case f.Tag.Get("body") == "all":
			in.whole = f.Index
			if in.body, err = newShape(f.Type); err == nil {
				err = in.body.tagged(f.Tag)
			}
		case f.Tag.Get("query") == "*":
			in.query = f.Index
		case f.Tag.Get("json") != "":
		default:
			err = in.param(f)
		}
		if err != nil {
			return nil, err
		}
	}
	if in.body != nil {
		return in, nil
	}
	s, err := newShape(t)
	if err == nil && len(s.fields) > 0 {
		in.body = s
	}
	return in, err
}

// decode makes the input of an operation from the request, or returns one error with
// everything that is wrong with it. It also settles for whom the caller acts.
func decode[In any](c *call) (In, store.Principal, error) {
	var in In
	v := reflect.ValueOf(&in).Elem()
	plan := c.route.inputs
	named, broken, err := c.body(plan, v)
	if err != nil {
		return in, c.by, err
	}
	more, wrong, err := c.params(plan, v)
	if err != nil {
		return in, c.by, err
	}
	if broken = append(broken, wrong...); len(broken) > 0 {
		return in, c.by, &fault.Error{Code: fault.Invalid, Message: broken[0], More: broken[1:]}
	}
	by, err := c.agree(append(named, more...))
	return in, by, err
}

// body reads the body into v. It returns the tenants that it names and the rules that it
// breaks. A body that no field asks for must be sound all the same.
func (c *call) body(plan *inputs, v reflect.Value) (named, broken []string, err error) {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return nil, nil, nil
	}
	read := c.read
	if c.route.form {
		read = c.readForm
	}
	raw, err := read()
	if err != nil {
		return nil, nil, err
	}
	if len(raw) == 0 {
		if plan.body == nil {
			return nil, nil, nil
		}
		if plan.whole != nil {
			return nil, []string{"the body should not be empty"}, nil
		}
		raw = []byte("{}") // as good as none: what is required is missing
	}
	s := &scanner{src: raw, strict: c.route.ours && !c.route.form} // a provider may send more along
	if err := s.scan(plan.body); err != nil || len(s.broken) > 0 || plan.body == nil {
		return s.tenants, s.broken, err
	}
	if plan.whole != nil {
		v = v.FieldByIndex(plan.whole)
	}
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		return nil, nil, fault.New(fault.Invalid, "", "the body does not fit").Because(err)
	}
	return s.tenants, nil, nil
}

// read returns the body, which must be JSON where there is one.
func (c *call) read() ([]byte, error) {
	tooLarge := fault.New(fault.TooLarge, "", "the body is larger than 1 MiB")
	if c.r.ContentLength > maxBody {
		return nil, tooLarge
	}
	raw, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, maxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case err != nil:
		return nil, fault.New(fault.Invalid, "", "the body ended early").Because(err)
	case len(raw) == 0:
		return nil, nil
	case !isJSON(c.r.Header):
		return nil, fault.New(fault.Unsupported, "", "the body must be application/json")
	}
	return raw, nil
}

// isJSON reports whether the headers declare plain JSON, once, in UTF-8.
func isJSON(h http.Header) bool {
	values := h["Content-Type"]
	if len(values) != 1 || h.Get("Content-Encoding") != "" {
		return false
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil || kind != "application/json" {
		return false
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}

package pages

import (
	"errors"
	"mime"
	"net/http"
	"net/url"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

const maxForm = 64 << 10 // bytes

// read returns the form in the body of a request: one value for each name, all of it text
// that a database can keep. The query is no part of it.
func read(w http.ResponseWriter, r *http.Request) (url.Values, error) { return readUpTo(w, r, maxForm) }

// readUpTo is read for a form of another size.
func readUpTo(w http.ResponseWriter, r *http.Request, most int64) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, fault.New(fault.Unsupported, "", "the form must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
	if err := r.ParseForm(); err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return nil, fault.New(fault.TooLarge, "", "the form is too large")
		}
		return nil, fault.New(fault.Invalid, "", "the form cannot be read").Because(err)
	}
	for name, values := range r.PostForm {
		if len(values) != 1 || !store.Storable(values[0]) || !store.Storable(name) {
			return nil, fault.New(fault.Invalid, "", "the form cannot be read")
		}
	}
	return r.PostForm, nil
}

package service

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// How much a record, or one request, may hold.
const (
	maxDescription = 4096
	maxBatch       = 1000 // records that one request may name
	maxPage        = 200  // records on one page of a listing
)

// checkName records what is wrong with a short text that must not be empty.
func checkName(c *fault.Checker, field, text string) {
	c.Check(text != "", field, "should not be empty")
	checkText(c, field, text, maxName)
}

// checkID records that id is not one a caller may choose: such an id stands in paths,
// headers and cookies.
func checkID(c *fault.Checker, field, id string) {
	odd := func(r rune) bool { return !alphanumeric(r) && !strings.ContainsRune("._-", r) }
	ok := id != "" && len(id) <= 64 && !strings.ContainsFunc(id, odd)
	c.Check(ok, field, "must be 1 to 64 letters, digits and ._- only")
}

// checkBatch records that a request names more than one transaction should hold.
func checkBatch(c *fault.Checker, field string, n int) {
	c.Check(n <= maxBatch, field, fmt.Sprintf("must contain no more than %d elements", maxBatch))
}

// checkPage refuses a page that is out of bounds or sorted by none of the names.
func checkPage(p store.Page, sorts ...string) error {
	var c fault.Checker
	c.Check(p.Limit >= 0 && p.Limit <= maxPage, "_limit", fmt.Sprintf("must be between 1 and %d", maxPage))
	c.Check(p.Offset >= 0, "_offset", "must not be less than 0")
	known := p.Sort == "" || slices.Contains(sorts, p.Sort)
	c.Check(known, "_sortBy", "must be one of "+strings.Join(sorts, ", "))
	return c.Err()
}

// conflict words a uniqueness error for the caller; any other error passes.
func conflict(err error, message string) error {
	if errors.Is(err, store.ErrConflict) {
		return fault.New(fault.Conflict, "", message).Because(err)
	}
	return err
}

// missing names what was not found to the caller; any other error passes.
func missing(err error, noun string) error {
	if errors.Is(err, store.ErrNotFound) {
		return fault.New(fault.NotFound, "", "no such "+noun).Because(err)
	}
	return err
}

// set replaces *field where a caller gave a value.
func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// unique returns the texts in byte order, each once.
func unique(texts []string) []string {
	texts = slices.Clone(texts)
	slices.Sort(texts)
	return slices.Compact(texts)
}

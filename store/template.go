package store

import (
	"context"
	"time"
)

// A Template says what the tokens that it is chosen for hold, how long they last and how
// they are signed.
type Template struct {
	ID          string
	Key         string // what targeting names it by
	Name        string
	Description string
	Lifetime    time.Duration // of a token, in whole seconds
	Algorithm   string        // RS256 or HS256
	Claims      string        // the text of a JSON object, kept byte by byte
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// A TemplateQuery chooses templates. Zero fields choose all. IDs and Keys may hold MaxLimit
// each, else ErrInvalid, as is a sort or a cursor that is not of this listing. Sort takes
// createdAt, updatedAt, id, key and name, which is compared in folded form (see [Fold]).
type TemplateQuery struct {
	Page
	IDs  []string // these only
	Keys []string // these only
}

// TemplateStore keeps templates. Keys are unique, else ErrConflict.
type TemplateStore interface {
	CreateTemplate(ctx context.Context, t Template) error
	Template(ctx context.Context, id string) (Template, error)
	Templates(ctx context.Context, q TemplateQuery) (Listing[Template], error)
	// UpdateTemplate changes all but ID and CreatedAt.
	UpdateTemplate(ctx context.Context, t Template) error
	DeleteTemplate(ctx context.Context, id string) error
}

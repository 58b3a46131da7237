// Package store holds the nouns of the library and the contracts for keeping them.
//
// It imports the standard library only, so that every other room, and a host that
// writes a store of its own, can name a noun without importing a rule. The stores in
// [github.com/go-identity/identity/store/sqlite] and
// [github.com/go-identity/identity/store/postgres] implement [Store];
// [github.com/go-identity/identity/store/storetest] proves an implementation.
package store

import (
	"context"
	"database/sql"
	"errors"
)

var (
	// ErrNotFound is returned when no record matches within the tenant or user asked for,
	// and when a conditional statement finds its condition no longer true.
	ErrNotFound = errors.New("store: not found")
	// ErrConflict is returned when a write breaks a uniqueness rule.
	ErrConflict = errors.New("store: conflict")
	// ErrInvalid is returned for text that a database cannot keep: invalid UTF-8 or U+0000.
	ErrInvalid = errors.New("store: invalid text")
)

// A Store keeps every kind of record. Outside a transaction each call is atomic by itself.
// Times come back in UTC, cut to the microsecond. A zero time is kept as null. JSON comes
// back compact, its members in byte order; what is no object or array is ErrInvalid, and so
// is nesting beyond 200 levels and a number beyond 400 digits.
type Store interface {
	Records

	// Tx runs fn in one serializable transaction and commits when fn returns nil. It runs
	// fn again when the transaction lost a race, so fn must have no effect but through tx.
	// Inside fn use tx only. A canceled ctx before the commit means nothing was written.
	// After any error but a sentinel, and after a conflict of an update, the transaction can
	// only fail, also when fn returns nil.
	Tx(ctx context.Context, fn func(tx Records) error) error

	// Short runs fn in one transaction whose writes are single conditional statements: it
	// gives all-or-nothing but, on PostgreSQL, not serializability. The hot paths use it.
	// fn runs at most once per attempt and must not read in order to decide what to write.
	Short(ctx context.Context, fn func(tx Records) error) error

	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
	// Close releases what the store opened. A second call does nothing.
	Close() error
}

// A Binder is a Store whose records can take part in a transaction that the host began on
// the same database.
type Binder interface {
	// Bind returns the store as seen inside tx. Its Tx and Short run under a savepoint of tx;
	// what they write is there when the host commits. On PostgreSQL tx must be serializable,
	// else Bind returns an error; a host that then loses a race runs its transaction again.
	// Closing what Bind returns does nothing.
	Bind(ctx context.Context, tx *sql.Tx) (Store, error)
}

// Records are the contracts of all nouns, as seen inside and outside a transaction.
type Records interface {
	UserStore
	IdentifierStore
	CredentialStore
	FactorStore
	RecoveryCodeStore
	RememberedDeviceStore
	AttemptStore
	TenantStore
	MembershipStore
	RoleStore
	RoleIndex
	PermissionStore
	CategoryStore
	AssignmentStore
	SessionStore
	ChallengeStore
	SigningKeyStore
	ManagementCredentialStore
	SettingStore
	TemplateStore
	ConnectionStore
	ConnectionIndex
	DomainStore
	DomainIndex
	GroupMappingStore
	LinkedIdentityStore
	ProviderSessionStore
	SSOAttemptStore
	SocialProviderStore
	AuditStore
	MessageStore
	RevocationStore
}

// Page bounds a listing. The zero Page is the first 50 records in creation order.
type Page struct {
	Limit  int    // records on a page; 0 means 50, at most MaxLimit
	Offset int    // records to skip; ignored when After is set
	After  string // a cursor that an earlier Listing gave as Next; empty starts at Offset
	Sort   string // a name the contract of the listing allows; empty is creation time
	Desc   bool   // from the last to the first
}

// MaxLimit is the most records a store returns in one page.
const MaxLimit = 2000

// A Listing is one page of records.
type Listing[T any] struct {
	Items []T
	Total int    // of all pages
	Next  string // a cursor for Page.After; empty after the last page or where the order has none
}

// A Local is a Store that one machine has for itself, so that a secret can be kept beside it.
type Local interface {
	// Path is where the database file is; empty for a database in memory.
	Path() string
}

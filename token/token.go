// Package token signs and verifies JSON Web Tokens (RFC 7519), strictly.
//
// Only the compact form is read, only with the header that this package writes, only under
// the algorithm that belongs to the key. Everything that a token's sender could choose
// otherwise is refused (RFC 8725).
package token

import (
	"errors"
	"time"
)

// The types of token, as the header's typ member says. One is never accepted as another.
const (
	AccessType     = "at+jwt"         // an access token of a user (RFC 9068 §2.1)
	ManagementType = "management+jwt" // of a management credential
)

const (
	// MaxBytes is the length of the longest token that is read or signed.
	MaxBytes = 8 << 10
	// MaxLifetime is the longest time for which any token may be valid.
	MaxLifetime = 180 * 24 * time.Hour
)

// Why a token is refused. To whoever sent it they all mean the same; they tell the log.
var (
	ErrMalformed  = errors.New("token is malformed")
	ErrUnknownKey = errors.New("token is signed with an unknown key")
	ErrAlgorithm  = errors.New("token names an algorithm that is not its key's")
	ErrType       = errors.New("token is of another type")
	ErrSignature  = errors.New("token has a wrong signature")
	ErrClaims     = errors.New("token has malformed claims")
	ErrIssuer     = errors.New("token has another issuer")
	ErrAudience   = errors.New("token is for another audience")
	ErrExpired    = errors.New("token has expired")
	ErrNotYet     = errors.New("token is not valid yet")
	ErrLifetime   = errors.New("token is valid for too long")
)

// ErrTooLarge means that a token would be longer than permitted; its text names the claims
// that take the room.
var ErrTooLarge = errors.New("token is too large")

// Package mfa holds the engines of the second factor: one-time codes by time and counter
// (RFC 4226, RFC 6238), the codes that replace a lost device, and the picture that an
// authenticator app scans. It keeps nothing: what was used already is for the caller to
// remember.
package mfa

import "errors"

// ErrKey means that a key is not one that codes may be made with: too short, or with
// parameters that no authenticator app has.
var ErrKey = errors.New("not a key for one-time codes")

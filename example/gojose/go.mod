// The other JOSE library that tests ask for a second opinion. It stands here, away from what
// the library itself needs.
module github.com/go-identity/identity/example/gojose

go 1.26.0

require github.com/go-jose/go-jose/v4 v4.1.8

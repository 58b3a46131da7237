// Package testoption holds what only tests may ask of the library. Its values are made by
// functions that nothing outside this module can call.
package testoption

// A Hashing says how passwords are hashed. The zero value hashes them well.
type Hashing struct{ cheap bool }

// CheapHashing makes hashing as cheap as it gets, and the hashes worthless.
func CheapHashing() Hashing { return Hashing{cheap: true} }

// Cheap reports whether hashes are to be cheap.
func (h Hashing) Cheap() bool { return h.cheap }

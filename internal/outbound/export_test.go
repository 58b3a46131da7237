package outbound

// ErrAddress is for tests that ask why a dial was refused.
var ErrAddress = errAddress

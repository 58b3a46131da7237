package service

import (
	"github.com/go-identity/identity/store"
)

// Domains are the e-mail domains of tenants: whoever has an address in one comes through the
// tenant's connection.
type Domains struct{ *base }

// How a domain is proved.
const (
	ProofDNS    = "dns"    // by a TXT record
	ProofEmail  = "email"  // by the verified address of a user
	ProofHost   = "host"   // by the word of the host's back end
	ProofPolicy = "policy" // by nothing: the environment asks for no proof
)

// vouched reports whether the proof shows that the domain is the tenant's. What an address
// shows is that somebody is there.
func vouched(d store.Domain) bool {
	return !d.ValidatedAt.IsZero() && (d.Proof == ProofDNS || d.Proof == ProofHost)
}

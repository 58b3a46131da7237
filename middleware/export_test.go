package middleware

import "net/http"

// AddressOf returns the address that a request is taken to come from.
func (g *Guard) AddressOf(r *http.Request) string { return g.address(r) }

// LimiterSize returns how many addresses a Limiter can hold.
const LimiterSize = limitSets * limitWays

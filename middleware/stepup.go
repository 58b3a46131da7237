package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// StepUpRequired is the error code of a request whose caller has to show a second factor
// first.
const StepUpRequired = "step_up_required"

// RequireStepUp lets through people who have shown a second factor just now: with the token
// that they call with, or for a cookie no longer ago than a token lives. With a maxAge, in
// whole seconds, that and the password were no longer ago than it. Others get status 403 and
// the challenge of RFC 9470. The host's back end is no person.
func (g *Guard) RequireStepUp(maxAge time.Duration) func(http.Handler) http.Handler {
	wired := maxAge >= 0 && maxAge%time.Second == 0
	if !wired {
		g.miswired(errors.New("middleware: RequireStepUp with an age that is negative or no whole seconds"))
	}
	refusal := fault.New(fault.Forbidden, "", "show your second factor first")
	refusal.Wire = StepUpRequired
	challenge := stepUpChallenge(maxAge)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = g.identify(w, r)
			c := callerFrom(r.Context())
			switch {
			case c.principal == nil:
				g.refuse(w, r, c.refusal())
			case !wired || !c.principal.SteppedUp(g.config.Now(), maxAge):
				w.Header().Set("WWW-Authenticate", challenge)
				g.refuse(w, r, refusal)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

// stepUpChallenge says what is missing (RFC 9470 §3).
func stepUpChallenge(maxAge time.Duration) string {
	text := fmt.Sprintf(`Bearer error="insufficient_user_authentication", error_description=%q, acr_values=%q`,
		"a second factor is needed", store.MultiFactor)
	if maxAge > 0 {
		text += `, max_age="` + strconv.Itoa(int(maxAge/time.Second)) + `"`
	}
	return text
}

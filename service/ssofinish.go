package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/sso"
	"github.com/go-identity/identity/sso/oidc"
	"github.com/go-identity/identity/sso/saml"
	"github.com/go-identity/identity/store"
)

// An Arrival is what a browser brings from a provider.
type Arrival struct {
	ConnectionID string            // from the address that it came to; empty at one that connections share
	Browser      string            // the value of the cookie of [Departure]
	Kind         store.SessionKind // that the sign-in must have begun with; empty is any

	SAMLResponse string // of SAML, with
	RelayState   string

	Answer      url.Values // of OpenID Connect: the parameters of the redirect URI
	RedirectURI string     // that the client thinks it came to; empty where it does not say
}

// Arrived is where an arrival leads. Either somebody has signed in, or has to show a second
// factor for it (see [Login]), and goes on to Next; or the browser has to leave once more.
type Arrived struct {
	Login Login
	Kind  store.SessionKind // that the sign-in began with
	Next  string

	Onward    *Departure // to the provider again, with a request of ours
	Rehearsed bool       // nobody has signed in, nor was to
}

// errAnswer is the refusal of an answer to nothing that began here.
func errAnswer() error { return sso.Refuse("the answer belongs to no sign-in that began here", nil) }

// Finish signs in who comes back from a provider: the voyage that the browser began is over,
// whatever comes of it. Everything that is wrong is one refusal, and a diagnosis for the
// connection's administrator.
//
// An answer that nobody asked for is taken where the connection allows that, at its own
// address only. Unless it says Direct nothing in it is believed: the browser is sent to the
// provider with a request of ours, so that what counts is an answer to that.
func (s *SSO) Finish(ctx context.Context, by store.Principal, in Arrival) (Arrived, error) {
	handle := in.RelayState
	if in.Answer != nil {
		handle = in.Answer.Get("state")
	}
	f, err := s.land(ctx, handle, in.Browser)
	switch {
	case errors.Is(err, errNoVoyage):
		return s.unsolicited(ctx, by, in)
	case err == nil && (f.Leaving || (f.RequestID != "") == (in.Answer != nil)):
		err = errVoyage("the answer is of another kind than the request")
	case err == nil && in.Kind != "" && in.Kind != f.Kind:
		err = errVoyage("the answer came to a page of another kind than the sign-in began on")
	}
	var c store.Connection
	if f.ConnectionID != "" {
		var failed error
		if c, failed = s.open(ctx, f, in); err == nil {
			err = failed
		}
	}
	if err != nil {
		return Arrived{}, s.told(ctx, by, report{connection: c, err: err})
	}
	return s.arrive(ctx, by, c, arriving{Arrival: in, voyage: f, handle: handle})
}

// open finds the connection of a voyage, as it is by now.
func (s *SSO) open(ctx context.Context, f voyage, in Arrival) (store.Connection, error) {
	c, err := s.store.ConnectionByID(ctx, f.ConnectionID)
	if errors.Is(err, store.ErrNotFound) {
		return store.Connection{}, sso.Refuse("the connection was deleted meanwhile", err)
	}
	if err != nil {
		return c, fmt.Errorf("find connection %s: %w", f.ConnectionID, err)
	}
	works, err := working(ctx, s.store, c)
	switch {
	case err != nil:
		return c, err
	case !works && !f.Rehearsal:
		return c, sso.Refuse("the connection is disabled", nil)
	case in.ConnectionID != "" && in.ConnectionID != c.ID:
		return c, errVoyage("the answer came to the address of another connection")
	case in.RedirectURI != "" && in.RedirectURI != f.RedirectURI:
		return c, errVoyage("the answer came to another redirect URI than the one that was asked for")
	}
	return c, nil
}

// An arriving is an arrival whose voyage is known. The zero voyage is an answer that nobody
// asked for.
type arriving struct {
	Arrival
	voyage voyage
	handle string
}

// arrive hears what the provider says, and signs in whom that is about.
func (s *SSO) arrive(ctx context.Context, by store.Principal, c store.Connection, in arriving) (Arrived, error) {
	r := report{connection: c, document: in.SAMLResponse}
	st, err := readConnectionSettings(c)
	if err != nil {
		return Arrived{}, err
	}
	r.settings = st
	if in.voyage.Rehearsal {
		return s.rehearsed(ctx, by, c, st, in)
	}
	a, err := s.heard(ctx, by, c, st, in)
	if err != nil {
		r.err = err
		return Arrived{}, s.told(ctx, by, r)
	}
	r.assertion = &a
	l, err := s.enter(ctx, by, c, st, entering{assertion: a, kind: in.voyage.Kind})
	if err != nil {
		r.err = refusal(err)
		return Arrived{}, s.told(ctx, by, r)
	}
	return Arrived{Login: l, Kind: in.voyage.Kind, Next: s.targets.safe(in.voyage.Next)}, s.told(ctx, by, r)
}

// heard returns what the provider says.
func (s *SSO) heard(
	ctx context.Context, by store.Principal, c store.Connection, st ConnectionSettings, in arriving,
) (sso.Assertion, error) {
	if c.Protocol == store.SAML {
		a := saml.Answer{Body: in.SAMLResponse, RequestID: in.voyage.RequestID, Now: s.now()}
		return s.connections.accept(ctx, by, c, a)
	}
	p, err := s.connections.relying(c, st)
	if err != nil {
		return sso.Assertion{}, err
	}
	if err := s.spent(ctx, c.ID, in.Answer.Get("code")); err != nil {
		return sso.Assertion{}, err
	}
	secrets := oidc.Flow{State: in.handle, Nonce: in.voyage.Nonce, Verifier: in.voyage.Verifier}
	a, err := s.party.Finish(ctx, p, oidc.Request{Flow: secrets, RedirectURI: in.voyage.RedirectURI}, in.Answer)
	return st.Attributes.over(a), err
}

// spent refuses a code that came here before, for whichever connection it came then. Connections
// share one redirect URI, so whoever runs a provider can lead somebody past another one and be
// shown the code that they bring back, for what is taken to be their own provider's (mix-up, RFC
// 9700 §4.4). It is of no use to them: here it came already, and nobody else takes it.
func (s *SSO) spent(ctx context.Context, id, code string) error {
	if code == "" {
		return nil // refused for that
	}
	seen := replayed("", "oidc/code/"+code, s.now().Add(challengeLife))
	seen.ID, seen.Subject, seen.CreatedAt = s.newID(), id, s.now()
	err := s.store.CreateChallenge(ctx, seen)
	if errors.Is(err, store.ErrConflict) {
		return sso.Refuse("the code came here before: each is good for one answer", err)
	}
	return err
}

// refusal makes one of every reason not to let somebody in that is not ours to mend. What a
// hook of the host says is said.
func refusal(err error) error {
	f := fault.From(err)
	switch f.Code {
	case fault.Internal, fault.Unavailable, fault.Limited, fault.Forbidden:
		return err
	}
	if sso.Diagnosis(err) != "" {
		return err
	}
	why := f.Error()
	if cause := errors.Unwrap(f); cause != nil {
		why = cause.Error()
	}
	return sso.Refuse(why, err)
}

// unsolicited takes an answer that nobody asked for, or that came with a handle which is none
// of ours: providers send what they like along with it.
func (s *SSO) unsolicited(ctx context.Context, by store.Principal, in Arrival) (Arrived, error) {
	if in.ConnectionID == "" || in.SAMLResponse == "" {
		return Arrived{}, errAnswer() // no connection has anything to do with it
	}
	c, err := s.open(ctx, voyage{ConnectionID: in.ConnectionID}, in)
	if err == nil && c.Protocol != store.SAML {
		err = errAnswer()
	}
	st := ConnectionSettings{SAML: &SAMLSettings{}}
	if err == nil {
		st, err = readConnectionSettings(c)
	}
	if err == nil && (st.SAML == nil || !st.SAML.Unsolicited) {
		err = sso.Refuse("nobody asked for this sign-in: start it here, or allow the connection to be started at the provider", nil)
	}
	if err != nil {
		return Arrived{}, s.told(ctx, by, report{connection: c, err: err}) // whatever came: anybody can send it
	}
	f := voyage{ConnectionID: c.ID, TenantID: c.TenantID, Kind: store.Browser, Next: home}
	if st.SAML.Direct {
		return s.arrive(ctx, by, c, arriving{Arrival: in, voyage: f})
	}
	return s.again(ctx, by, c, takeoff{voyage: f, browser: in.Browser})
}

// again sends the browser to the provider with a request of ours. Where it has just come from
// there like that, the provider does not give our handle back, and would not the next time.
func (s *SSO) again(ctx context.Context, by store.Principal, c store.Connection, t takeoff) (Arrived, error) {
	if t.browser != "" {
		last, err := s.store.ChallengeOf(ctx, store.SSO, s.subjectOf(t.voyage, t.browser))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Arrived{}, err
		}
		if err == nil && s.now().Before(last.CreatedAt.Add(againAfter)) {
			err := errVoyage("the provider does not give back what was sent along (RelayState): nobody can tell whose answer this is")
			return Arrived{}, s.told(ctx, by, report{connection: c, err: err})
		}
	}
	d, err := s.depart(ctx, by, c, t)
	if err != nil {
		return Arrived{}, s.told(ctx, by, report{connection: c, err: err})
	}
	return Arrived{Onward: &d, Kind: t.voyage.Kind, Next: t.voyage.Next}, nil
}

// againAfter is how long an answer that nobody asked for is taken to be one to the request
// before it.
const againAfter = time.Minute

// An entering is somebody about to get a session through a connection.
type entering struct {
	assertion sso.Assertion
	kind      store.SessionKind
}

// enter opens a session for whom an assertion is about, in one transaction with all that it
// changes about the user.
func (s *SSO) enter(
	ctx context.Context, by store.Principal, c store.Connection, st ConnectionSettings, e entering,
) (Login, error) {
	a := e.assertion
	came, err := s.came(c, a)
	if err != nil {
		return Login{}, err
	}
	by.TenantID = c.TenantID
	o := opening{
		kind: e.kind, methods: methodsOf(a), authTime: s.proved(a), ends: a.ExpiresAt,
		onlyTenant: c.TenantID, overrideActive: st.OverrideActiveTenant, came: &came,
	}
	o.resolve = func(tx *unit) (string, error) { return s.resolve(ctx, tx, by, c, a) }
	var l Login
	for range 3 { // of two first sign-ins of one person one finds what the other made
		if l, err = s.signin.open(ctx, by, o); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	return l, err
}

// came is what is kept of the session at the provider.
func (s *SSO) came(c store.Connection, a sso.Assertion) (store.ProviderSession, error) {
	p := store.ProviderSession{
		ConnectionID: c.ID, Subject: cmp.Or(a.NameID, a.Subject), Format: a.NameIDFormat, Index: a.SessionIndex,
		Attributes: keptAttributes(a.Attributes),
	}
	if !store.Storable(p.Subject+p.Format+p.Index) || len(p.Subject) > maxEntityID || len(p.Format) > maxURL || len(p.Index) > maxURL {
		return p, sso.Refuse("the subject or the session has a name that cannot be kept", nil)
	}
	if a.Hint == "" {
		return p, nil
	}
	var err error
	p.Hint, err = s.ring.Seal(hintPurpose, c.ID, []byte(a.Hint))
	return p, err
}

// hintPurpose is what the hint of a sign-out is sealed for.
const hintPurpose = "sso hint"

// keptAttributes is as much of the attributes as is kept, in the order of their names.
func keptAttributes(all map[string][]string) string {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	kept, size := map[string][]string{}, 2
	for _, name := range names {
		doc, err := json.Marshal(all[name])
		if err != nil || !store.Storable(name+strings.Join(all[name], "")) {
			continue
		}
		if size += len(doc) + 6*len(name) + 4; size > maxAttributes { // a name may be escaped
			break
		}
		kept[name] = all[name]
	}
	doc, err := json.Marshal(kept)
	if err != nil {
		return "{}"
	}
	return string(doc)
}

// byProvider says that a provider vouched for the user.
const byProvider = "sso"

// methodsOf says how somebody proved themselves: at a provider, and there as it says. Only
// what it says makes that two factors.
func methodsOf(a sso.Assertion) []string {
	methods := []string{byProvider}
	for _, m := range a.AMR {
		if slices.Contains(knownMethods, m) && !slices.Contains(methods, m) {
			methods = append(methods, m)
		}
	}
	if multiFactor(a) && !slices.Contains(methods, byTwo) {
		methods = append(methods, byTwo)
	}
	return methods
}

// knownMethods are those of RFC 8176: a provider's own words could mean something here.
var knownMethods = []string{
	"face", "fpt", "geo", "hwk", "iris", "kba", "mca", byTwo, byCode, "pin", byPassword, "rba", "retina", "sc", "sms",
	"swk", "tel", "user", "vbm", "wia",
}

// twoFactors are the words by which providers say that somebody showed two factors.
var twoFactors = []string{
	store.MultiFactor, "https://refeds.org/profile/mfa", "http://schemas.microsoft.com/claims/multipleauthn",
}

// multiFactor reports whether the provider says, as providers do, that two factors were shown.
func multiFactor(a sso.Assertion) bool {
	said := append([]string{a.ACR}, a.Attributes["http://schemas.microsoft.com/claims/authnmethodsreferences"]...)
	return slices.ContainsFunc(said, func(word string) bool { return slices.Contains(twoFactors, word) })
}

// proved is when somebody proved themselves; zero is now. A provider that says that it was by
// two factors, and not when, may remember it for long: it was not just now.
func (s *SSO) proved(a sso.Assertion) time.Time {
	if a.AuthTime.IsZero() && slices.Contains(methodsOf(a), byTwo) {
		return s.now().Add(-s.signin.policy.AccessToken)
	}
	return a.AuthTime
}

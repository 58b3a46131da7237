package service

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// A Strategy is a kind of second factor, as the wire names it.
type Strategy string

// The strategies that the published API knows. Only authenticator apps are built.
const (
	AuthenticatorApp      Strategy = "AuthenticatorApp"
	WebAuthnPlatform      Strategy = "WebAuthnPlatform"
	WebAuthnCrossPlatform Strategy = "WebAuthnCrossPlatform"
	SMSCode               Strategy = "SMS"
	EmailCode             Strategy = "EmailCode"
)

// Strategies returns every strategy.
func Strategies() []Strategy {
	return []Strategy{AuthenticatorApp, WebAuthnPlatform, WebAuthnCrossPlatform, SMSCode, EmailCode}
}

// MFAMethods are the second factors of the environment and how they are set up. A method
// that is not active enrolls nobody; devices that were enrolled before go on working.
type MFAMethods struct {
	App   AppMethod
	SMS   CodeMethod
	Email EmailMethod
}

// AppMethod is the authenticator app.
type AppMethod struct {
	Active      bool
	ServiceName string // what the app shows beside the code
}

// CodeMethod is a code that is sent.
type CodeMethod struct {
	Active bool
	Life   time.Duration // of a code, in whole seconds
}

// EmailMethod is a code that is mailed.
type EmailMethod struct {
	CodeMethod
	Sender string
}

// Active reports whether users can enroll by the strategy.
func (m MFAMethods) Active(s Strategy) bool { return s == AuthenticatorApp && m.App.Active }

func (m MFAMethods) any() bool { return m.App.Active }

// An MFAMethodsChange sets methods up; nil leaves one as it is.
type MFAMethodsChange struct {
	App   *AppMethod
	SMS   *CodeMethod
	Email *EmailMethod
}

// leastCodeLife is the shortest life of a code that is sent.
const leastCodeLife = 300 * time.Second

// maxCodeLife is the longest (NIST SP 800-63B-4 §3.1.3).
const maxCodeLife = 600 * time.Second

func (c MFAMethodsChange) check() error {
	var f fault.Checker
	if c.App != nil {
		f.Check(named(c.App.ServiceName), "authenticationApp.serviceName", "must be one line of 1 to 255 bytes without a colon")
	}
	if c.SMS != nil {
		c.SMS.check(&f, "sms")
	}
	if c.Email != nil {
		c.Email.check(&f, "email")
		checkText(&f, "email.sender", c.Email.Sender, maxName)
	}
	return f.Err()
}

func (m CodeMethod) check(f *fault.Checker, at string) {
	f.Check(!m.Active, at+".active", "is not available in this environment")
	f.Check(m.Life >= leastCodeLife && m.Life <= maxCodeLife && m.Life%time.Second == 0,
		at+".tokenLifetimeSeconds", "must be 300 to 600 whole seconds")
}

// named reports whether text can stand for the issuer in an authenticator app, where a colon
// ends it.
func named(text string) bool {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == ':' }
	return strings.TrimSpace(text) != "" && len(text) <= maxName && store.Storable(text) && !strings.ContainsFunc(text, odd)
}

// Methods returns the methods of the environment.
func (s *MFAPolicies) Methods(ctx context.Context, _ store.Principal) (MFAMethods, error) {
	return s.methods.read(ctx, s.store)
}

// Configure sets methods up. Only the environment itself may.
func (s *MFAPolicies) Configure(ctx context.Context, by store.Principal, in MFAMethodsChange) (MFAMethods, error) {
	if err := in.check(); err != nil {
		return MFAMethods{}, err
	}
	return s.reconfigure(ctx, by, func(m *MFAMethods) {
		set(&m.App, in.App)
		set(&m.SMS, in.SMS)
		set(&m.Email, in.Email)
	})
}

// Activate turns a strategy on or off. Only the environment itself may. One that is not
// built can only be off.
func (s *MFAPolicies) Activate(ctx context.Context, by store.Principal, which Strategy, active bool) error {
	if active && which != AuthenticatorApp {
		return fault.New(fault.Invalid, "strategy", string(which)+" is not available in this environment")
	}
	_, err := s.reconfigure(ctx, by, func(m *MFAMethods) {
		if which == AuthenticatorApp {
			m.App.Active = active
		}
	})
	return err
}

// reconfigure changes the methods. The last one stays while the environment's policy asks
// for a second factor: users without one could never sign in.
func (s *MFAPolicies) reconfigure(ctx context.Context, by store.Principal, fn func(*MFAMethods)) (MFAMethods, error) {
	if err := hostOnly(by); err != nil {
		return MFAMethods{}, err
	}
	by.TenantID = ""
	var m MFAMethods
	err := s.change(ctx, by, "mfa_methods.changed", s.environment, func(tx *unit) (err error) {
		if m, err = s.methods.read(ctx, tx); err != nil {
			return err
		}
		fn(&m)
		p, err := readPolicy(ctx, tx, "")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && p.Enforce != DontForce && !m.any() {
			return fault.New(fault.Conflict, "", "the MFA policy needs a method that is active")
		}
		tx.detail = map[string]any{"app": m.App.Active}
		doc, err := json.Marshal(m)
		if err != nil {
			return err
		}
		return tx.PutSetting(ctx, "", methodsSetting, doc)
	})
	return m, err
}

const methodsSetting = "mfa-methods"

// methods reads the methods, which are those of a new environment until they are set up.
type methods struct{ brand string }

func (m methods) read(ctx context.Context, r store.Records) (MFAMethods, error) {
	text, err := r.Setting(ctx, "", methodsSetting)
	if errors.Is(err, store.ErrNotFound) {
		return m.fresh(), nil
	}
	var have MFAMethods
	if err == nil {
		err = json.Unmarshal(text, &have)
	}
	return have, err
}

func (m methods) fresh() MFAMethods {
	name := strings.TrimSpace(strings.ReplaceAll(m.brand, ":", " "))
	if !named(name) {
		name = "Account"
	}
	code := CodeMethod{Life: maxCodeLife}
	return MFAMethods{App: AppMethod{Active: true, ServiceName: name}, SMS: code, Email: EmailMethod{CodeMethod: code}}
}

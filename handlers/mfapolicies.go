package handlers

import (
	"context"
	"time"

	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// mfaPolicies say who is asked for a second factor, and for which.
type mfaPolicies struct{ svc *service.MFAPolicies }

func (h mfaPolicies) routes() []route {
	const path = "/identity/resources/configurations/v1/mfa-policy"
	return []route{
		user(readSecurity, "GET "+path, 200, "Read the MFA policy", op(h.read)).anyTenant(),
		user(readSecurity, "GET "+path+"/vendor", 200, "Read the MFA policy of the environment", op(h.environment)).anyTenant(),
		user(writeSecurity, "POST "+path, 201, "Make the MFA policy", op(h.create)).anyTenant(),
		user(writeSecurity, "PATCH "+path, 200, "Change the MFA policy", op(h.change)).anyTenant(),
		user(writeSecurity, "PUT "+path, 200, "Make or change the MFA policy", op(h.put)).anyTenant(),
		user("", "GET /identity/resources/configurations/v1/mfa/strategies", 200, "List the kinds of second factor", op(h.strategies)).anyTenant(),
		user(writeSecurity, "POST /identity/resources/configurations/v1/mfa/strategies", 201, "Turn a kind of second factor on or off", op(h.activate)).anyTenant(),
	}
}

// What the permissions of these settings are called.
const (
	readSecurity  store.Permission = "fe.secure.read.security"
	writeSecurity store.Permission = "fe.secure.write.security"
)

// configuration are the routes that set the kinds of second factor up.
func (h mfaPolicies) configuration() []route {
	return []route{
		management("GET /identity/resources/configurations/v1/mfa", 200, "Read how second factors are set up", op(h.methods)),
		management("POST /identity/resources/configurations/v1/mfa", 201, "Set second factors up", op(h.configure)),
	}
}

// A mfaPolicy is a policy as the wire shows it.
type mfaPolicy struct {
	ID                    string `json:"id"`
	EnforceMFAType        string `json:"enforceMFAType"`
	AllowRememberMyDevice bool   `json:"allowRememberMyDevice"`
	MFADeviceExpiration   int    `json:"mfaDeviceExpiration"`
	CreatedAt             stamp  `json:"createdAt"`
	UpdatedAt             stamp  `json:"updatedAt"`
}

func toMFAPolicy(p service.MFAPolicy) mfaPolicy {
	return mfaPolicy{
		ID: p.ID, EnforceMFAType: string(p.Enforce), AllowRememberMyDevice: p.Remember,
		MFADeviceExpiration: int(p.RememberFor / time.Second), CreatedAt: stamp(p.CreatedAt), UpdatedAt: stamp(p.UpdatedAt),
	}
}

// A mfaPolicyChange says what shall be; what it leaves out stays, or is as it is by default.
type mfaPolicyChange struct {
	EnforceMFAType        *string `json:"enforceMFAType" enum:"DontForce|Force|ForceExceptSAML"`
	AllowRememberMyDevice *bool   `json:"allowRememberMyDevice"`
	MFADeviceExpiration   *int    `json:"mfaDeviceExpiration" min:"1" max:"31536000"`
}

func (in mfaPolicyChange) change() service.MFAPolicyChange {
	c := service.MFAPolicyChange{Remember: in.AllowRememberMyDevice}
	if in.EnforceMFAType != nil {
		e := service.Enforcement(*in.EnforceMFAType)
		c.Enforce = &e
	}
	if in.MFADeviceExpiration != nil {
		d := time.Duration(*in.MFADeviceExpiration) * time.Second
		c.RememberFor = &d
	}
	return c
}

func (h mfaPolicies) read(ctx context.Context, by store.Principal, _ none) (mfaPolicy, error) {
	p, err := h.svc.Read(ctx, by)
	return toMFAPolicy(p), err
}

func (h mfaPolicies) environment(ctx context.Context, by store.Principal, _ none) (mfaPolicy, error) {
	p, err := h.svc.Environment(ctx, by)
	return toMFAPolicy(p), err
}

func (h mfaPolicies) create(ctx context.Context, by store.Principal, in mfaPolicyChange) (mfaPolicy, error) {
	p, err := h.svc.Create(ctx, by, in.change())
	return toMFAPolicy(p), err
}

func (h mfaPolicies) change(ctx context.Context, by store.Principal, in mfaPolicyChange) (mfaPolicy, error) {
	p, err := h.svc.Change(ctx, by, in.change())
	return toMFAPolicy(p), err
}

func (h mfaPolicies) put(ctx context.Context, by store.Principal, in mfaPolicyChange) (mfaPolicy, error) {
	p, err := h.svc.Put(ctx, by, in.change())
	return toMFAPolicy(p), err
}

type mfaStrategies struct {
	Strategies []mfaStrategy `json:"strategies"`
}

type mfaStrategy struct {
	Strategy string `json:"strategy" enum:"AuthenticatorApp|WebAuthnPlatform|WebAuthnCrossPlatform|SMS|EmailCode"`
	IsActive bool   `json:"isActive"`
}

func (h mfaPolicies) strategies(ctx context.Context, by store.Principal, _ none) (mfaStrategies, error) {
	m, err := h.svc.Methods(ctx, by)
	return mfaStrategies{each(service.Strategies(), func(s service.Strategy) mfaStrategy {
		return mfaStrategy{string(s), m.Active(s)}
	})}, err
}

func (h mfaPolicies) activate(ctx context.Context, by store.Principal, in mfaStrategy) (none, error) {
	return none{}, h.svc.Activate(ctx, by, service.Strategy(in.Strategy), in.IsActive)
}

type appMethod struct {
	Active      bool   `json:"active"`
	ServiceName string `json:"serviceName" maxLength:"255"`
}

type smsMethod struct {
	Active               bool `json:"active"`
	TokenLifetimeSeconds int  `json:"tokenLifetimeSeconds" min:"300" max:"600"`
}

type emailMethod struct {
	Active               bool   `json:"active"`
	TokenLifetimeSeconds int    `json:"tokenLifetimeSeconds" min:"300" max:"600"`
	Sender               string `json:"sender" maxLength:"255"`
}

type mfaMethods struct {
	AuthenticationApp appMethod   `json:"authenticationApp"`
	SMS               smsMethod   `json:"sms"`
	Email             emailMethod `json:"email"`
}

func toMFAMethods(m service.MFAMethods) mfaMethods {
	return mfaMethods{
		AuthenticationApp: appMethod(m.App),
		SMS:               smsMethod{m.SMS.Active, int(m.SMS.Life / time.Second)},
		Email:             emailMethod{m.Email.Active, int(m.Email.Life / time.Second), m.Email.Sender},
	}
}

func (h mfaPolicies) methods(ctx context.Context, by store.Principal, _ none) (mfaMethods, error) {
	m, err := h.svc.Methods(ctx, by)
	return toMFAMethods(m), err
}

func (h mfaPolicies) configure(ctx context.Context, by store.Principal, in struct {
	AuthenticationApp *appMethod   `json:"authenticationApp"`
	SMS               *smsMethod   `json:"sms"`
	Email             *emailMethod `json:"email"`
}) (mfaMethods, error) {
	c := service.MFAMethodsChange{App: (*service.AppMethod)(in.AuthenticationApp)}
	if in.SMS != nil {
		c.SMS = &service.CodeMethod{Active: in.SMS.Active, Life: time.Duration(in.SMS.TokenLifetimeSeconds) * time.Second}
	}
	if in.Email != nil {
		code := service.CodeMethod{Active: in.Email.Active, Life: time.Duration(in.Email.TokenLifetimeSeconds) * time.Second}
		c.Email = &service.EmailMethod{CodeMethod: code, Sender: in.Email.Sender}
	}
	m, err := h.svc.Configure(ctx, by, c)
	return toMFAMethods(m), err
}

package handlers

import (
	"context"
	"time"

	"github.com/go-identity/identity/middleware"
	"github.com/go-identity/identity/service"
	"github.com/go-identity/identity/store"
)

// mfa is the second factor: at a login that waits for it, and in the account of somebody who
// is signed in.
type mfa struct {
	svc *service.MFA
	signin
}

func newMFA(c Config) mfa { return mfa{c.Services.MFA, newSignin(c)} }

func (h mfa) routes() []route {
	return []route{
		public("POST /identity/resources/auth/v1/user/mfa/verify", 201, "Finish a login with a code", flow(h.verify)).limit(middleware.SignIn),
		public("POST /identity/resources/auth/v1/user/mfa/authenticator/{deviceId}/verify", 201, "Finish a login with a code of one device", flow(h.verifyOf)).limit(middleware.SignIn),
		public("POST /identity/resources/auth/v1/user/mfa/recovery-code/verify", 201, "Finish a login with a recovery code", flow(h.verifyRecovery)).own().limit(middleware.SignIn),
		public("POST /identity/resources/auth/v1/user/mfa/authenticator/enroll", 201, "Begin to enroll a device at a login", op(h.enrollAtLogin)).limit(middleware.SignIn),
		public("POST /identity/resources/auth/v1/user/mfa/authenticator/enroll/verify", 201, "Enroll a device and finish the login", flow(h.finishEnrollAtLogin)).limit(middleware.SignIn),
		public("POST /identity/resources/auth/v1/user/mfa/recover", 200, "Remove every device with a recovery code", flow(h.recover)).limit(middleware.Mail),
		public("GET /identity/resources/configurations/v1/mfa-policy/allow-remember-device", 200, "Tell whether a device may be remembered", op(h.mayRemember)).limit(middleware.SignIn),
		user("", "POST /identity/resources/auth/v1/user/step-up/generate", 200, "Ask for a second factor now", flow(h.stepUp)).anyTenant(),

		user("", "GET /identity/resources/users/v1/mfa/devices", 200, "List my devices", op(h.devices)).self().anyTenant(),
		user("", "POST /identity/resources/users/v1/mfa/enroll", 200, "Begin to enroll a device, first version", op(h.enroll)).self().anyTenant(),
		user("", "POST /identity/resources/users/v1/mfa/enroll/verify", 200, "Enroll a device, first version", op(h.finishEnroll)).self().anyTenant(),
		user("", "POST /identity/resources/users/v1/mfa/authenticator/enroll", 200, "Begin to enroll a device", op(h.enroll)).self().anyTenant(),
		user("", "POST /identity/resources/users/v1/mfa/authenticator/enroll/verify", 200, "Enroll a device", op(h.finishEnroll)).self().anyTenant(),
		user("", "POST /identity/resources/users/v1/mfa/disable", 200, "Remove all my devices", op(h.disableAll)).self().anyTenant(),
		user("", "POST /identity/resources/users/v1/mfa/authenticator/{deviceId}/disable/verify", 200, "Remove one of my devices", op(h.disable)).self().anyTenant(),
		user("", "POST /identity/resources/users/v1/mfa/recovery-codes", 200, "Replace my recovery codes", op(h.replaceCodes)).self().anyTenant().own(),
	}
}

// management are the routes by which the host's back end helps a user out.
func (h mfa) management() []route {
	return []route{
		management("POST /identity/resources/vendor-only/users/v1/{userId}/mfa/unenroll", 200, "Remove every device of a user", op(h.unenroll)),
	}
}

// A mfaCode finishes a login.
type mfaCode struct {
	Value          string `json:"value" maxLength:"64"`
	MFAToken       string `json:"mfaToken" maxLength:"128"`
	RememberDevice bool   `json:"rememberDevice,omitempty"`
}

func (h mfa) verify(c *call, in mfaCode) (login, error) { return h.finish(c, in, "") }

func (h mfa) verifyOf(c *call, in struct {
	mfaCode
	DeviceID string `path:"deviceId"`
}) (login, error) {
	return h.finish(c, in.mfaCode, in.DeviceID)
}

func (h mfa) finish(c *call, in mfaCode, deviceID string) (login, error) {
	if err := h.known(c, in.RememberDevice); err != nil {
		return login{}, err
	}
	l, err := h.svc.Verify(c.Context(), c.by, service.MFACode{
		Token: in.MFAToken, FactorID: deviceID, Code: in.Value, Remember: in.RememberDevice, Kind: store.Family,
	})
	if err != nil {
		return login{}, err
	}
	return h.welcome(c, l)
}

// known gives a browser that is to be remembered something to be known by.
func (h mfa) known(c *call, remember bool) error {
	if !remember || c.by.Device != "" {
		return nil
	}
	d, err := h.signin.svc.NewDevice()
	if err == nil {
		c.by.Device = d
		c.setCookie(middleware.HostCookie(DeviceCookieName, d, deviceLife))
	}
	return err
}

func (h mfa) verifyRecovery(c *call, in struct {
	RecoveryCode string `json:"recoveryCode" maxLength:"64"`
	MFAToken     string `json:"mfaToken" maxLength:"128"`
}) (login, error) {
	l, err := h.svc.VerifyRecovery(c.Context(), c.by, service.MFACode{
		Token: in.MFAToken, Code: in.RecoveryCode, Kind: store.Family,
	})
	if err != nil {
		return login{}, err
	}
	return h.welcome(c, l)
}

// An enrollment is what an authenticator app scans. The published API has the picture only;
// not everybody has a second screen to scan it from.
type enrollment struct {
	QRCode     string `json:"qrCode"`
	Secret     string `json:"secret"`
	OTPAuthURI string `json:"otpauthUri"`
}

func toEnrollment(e service.Enrollment) enrollment { return enrollment{e.QR, e.Secret, e.URL} }

func (h mfa) enrollAtLogin(ctx context.Context, by store.Principal, in struct {
	MFAToken string `json:"mfaToken" maxLength:"128"`
}) (enrollment, error) {
	e, err := h.svc.EnrollAtLogin(ctx, by, in.MFAToken)
	return toEnrollment(e), err
}

// An enrolledLogin is a login that came with recovery codes: all of them, and the one that
// the published API knows.
type enrolledLogin struct {
	login
	RecoveryCode  string   `json:"recoveryCode,omitempty"`
	RecoveryCodes []string `json:"recoveryCodes"`
}

func (h mfa) finishEnrollAtLogin(c *call, in struct {
	Token          string `json:"token" maxLength:"64"`
	MFAToken       string `json:"mfaToken" maxLength:"128"`
	RememberDevice bool   `json:"rememberDevice,omitempty"`
}) (enrolledLogin, error) {
	if err := h.known(c, in.RememberDevice); err != nil {
		return enrolledLogin{}, err
	}
	l, err := h.svc.FinishEnrollAtLogin(c.Context(), c.by, service.MFACode{
		Token: in.MFAToken, Code: in.Token, Remember: in.RememberDevice, Kind: store.Family,
	})
	if err != nil {
		return enrolledLogin{}, err
	}
	codes := toRecoveryCodes(l.RecoveryCodes)
	out, err := h.welcome(c, l)
	return enrolledLogin{out, codes.RecoveryCode, codes.RecoveryCodes}, err
}

func (h mfa) recover(c *call, in struct {
	RecoveryCode string `json:"recoveryCode" maxLength:"64"`
	Email        string `json:"email" maxLength:"320"`
}) (none, error) {
	by, err := c.inTenant()
	if err != nil {
		return none{}, err
	}
	return none{}, h.svc.Recover(c.Context(), by, in.Email, in.RecoveryCode)
}

type mayRemember struct {
	Allowed    bool `json:"isAllowedToRemember"`
	Expiration int  `json:"mfaDeviceExpiration"`
}

func (h mfa) mayRemember(ctx context.Context, by store.Principal, in struct {
	MFAToken string `query:"mfaToken,required" maxLength:"128"`
}) (mayRemember, error) {
	ok, life, err := h.svc.MayRemember(ctx, by, in.MFAToken)
	return mayRemember{ok, int(life / time.Second)}, err
}

// A stepUp is a login in part: the question for a second factor, or a token that says that
// one was shown just now.
type stepUp struct {
	MFARequired bool        `json:"mfaRequired"`
	MFAToken    string      `json:"mfaToken,omitempty"`
	MFAEnrolled bool        `json:"mfaEnrolled"`
	MFADevices  *mfaDevices `json:"mfaDevices,omitempty"`
	TokenType   string      `json:"tokenType,omitempty"`
	AccessToken string      `json:"accessToken,omitempty"`
	ExpiresIn   int         `json:"expiresIn,omitempty"`
	Expires     string      `json:"expires,omitempty"`
}

func (h mfa) stepUp(c *call, in struct {
	MaxAge *int `json:"maxAge" min:"0" max:"31536000"`
}) (stepUp, error) {
	age := time.Duration(0)
	if in.MaxAge != nil {
		age = time.Duration(*in.MaxAge) * time.Second
	}
	s, err := h.svc.StepUp(c.Context(), c.by, age)
	if err != nil {
		return stepUp{}, err
	}
	l := toLogin(s)
	out := stepUp{MFARequired: s.MFARequired, MFAToken: l.MFAToken, MFAEnrolled: true, MFADevices: l.MFADevices}
	if !s.MFARequired {
		out.TokenType, out.AccessToken, out.ExpiresIn, out.Expires = l.TokenType, l.AccessToken, l.ExpiresIn, l.Expires
	}
	return out, nil
}

// mfaDevices are what a user can prove themselves with. Only authenticator apps are built.
type mfaDevices struct {
	WebAuthn       []webauthnDevice      `json:"webauthn"`
	Phones         []phoneDevice         `json:"phones"`
	Authenticators []authenticatorDevice `json:"authenticators"`
	Emails         []emailDevice         `json:"emails"`
}

type webauthnDevice struct {
	ID         string `json:"id"`
	DeviceType string `json:"deviceType" enum:"Platform|CrossPlatform"`
	Name       string `json:"name"`
}

type phoneDevice struct {
	ID          string `json:"id"`
	PhoneNumber string `json:"phoneNumber"`
}

type authenticatorDevice struct {
	ID string `json:"id"`
}

type emailDevice struct {
	Email string `json:"email"`
}

func toDevices(all []service.MFADevice) mfaDevices {
	d := mfaDevices{[]webauthnDevice{}, []phoneDevice{}, []authenticatorDevice{}, []emailDevice{}}
	for _, one := range all {
		if one.Kind == store.TOTP {
			d.Authenticators = append(d.Authenticators, authenticatorDevice{one.ID})
		}
	}
	return d
}

func (h mfa) devices(ctx context.Context, by store.Principal, _ none) (mfaDevices, error) {
	all, err := h.svc.Devices(ctx, by)
	return toDevices(all), err
}

func (h mfa) enroll(ctx context.Context, by store.Principal, _ none) (enrollment, error) {
	e, err := h.svc.Enroll(ctx, by)
	return toEnrollment(e), err
}

// recoveryCodes are those that came with a first device; none came with a further one.
type recoveryCodes struct {
	RecoveryCode  string   `json:"recoveryCode"`
	RecoveryCodes []string `json:"recoveryCodes"`
}

func toRecoveryCodes(all []string) recoveryCodes {
	if len(all) == 0 {
		return recoveryCodes{RecoveryCodes: []string{}}
	}
	return recoveryCodes{all[0], all}
}

func (h mfa) finishEnroll(ctx context.Context, by store.Principal, in struct {
	Token string `json:"token" maxLength:"64"`
}) (recoveryCodes, error) {
	codes, err := h.svc.FinishEnroll(ctx, by, in.Token)
	return toRecoveryCodes(codes), err
}

// A disabling is the removal of a device, or of all, with a code that proves that it is the
// user's to remove.
type disabling struct {
	DeviceID string `path:"deviceId"`
	Token    string `json:"token,omitempty" maxLength:"64"`
}

func (h mfa) disable(ctx context.Context, by store.Principal, in disabling) (none, error) {
	return none{}, h.svc.Disable(ctx, by, in.DeviceID, in.Token)
}

func (h mfa) disableAll(ctx context.Context, by store.Principal, in struct {
	Token string `json:"token,omitempty" maxLength:"64"`
}) (none, error) {
	return none{}, h.svc.Disable(ctx, by, "", in.Token)
}

func (h mfa) replaceCodes(ctx context.Context, by store.Principal, in struct {
	Token string `json:"token" maxLength:"64"`
}) (recoveryCodes, error) {
	codes, err := h.svc.NewRecoveryCodes(ctx, by, in.Token)
	return toRecoveryCodes(codes), err
}

func (h mfa) unenroll(ctx context.Context, by store.Principal, in userPath) (none, error) {
	return none{}, h.svc.Unenroll(ctx, by, in.UserID)
}

package service_test

import (
	"encoding/base32"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/mfa"
	"github.com/go-identity/identity/service"
)

// code is what the person's device shows, or something else, and whether it is good.
func (x *sequence) code(p *person, m move) (text string, good bool) {
	now := x.clock.now()
	switch owner := x.people[(m.who+1)%len(x.people)]; {
	case p.device == nil:
		return "123456", false
	case m.arg%5 == 0:
		return other(shown(p.device, now)), false
	case m.arg%5 == 1 && owner.device != nil && shown(owner.device, now) != shown(p.device, now):
		return shown(owner.device, now), false
	}
	return shown(p.device, now), p.device.Step(now) > p.step
}

// nextCode waits until the device shows another code, as people do who have used the present one.
func (x *sequence) nextCode(m move) {
	if m.arg%3 > 0 {
		x.clock.advance(31 * time.Second)
	}
}

func shown(k *mfa.Key, at time.Time) string {
	text, _ := k.Code(at)
	return text
}

// answer shows a code to a login that waits, whatever has become of it.
func (x *sequence) answer(p *person, m move) error {
	w, ok := chosen(p.waiting, m.pick)
	if !ok {
		return nil
	}
	x.nextCode(m)
	now, want := x.clock.now(), fault.Unauthenticated
	code, good := x.code(p, m)
	if w.guessed(now) {
		switch heard := p.guesses.heard(now, x.guesses); {
		case !heard:
			want = fault.Limited
		case good && p.goes(w, now):
			want = ""
		}
	}
	l, err := x.at().MFA.Verify(x.ctx, m.by(), service.MFACode{Token: w.token, Code: code, Kind: w.kind})
	if done, err := x.verdict(err, want); !done {
		return err
	}
	p.step, p.guesses = p.device.Step(now), guessing{}
	return x.came(p, w, l, m)
}

// guessCode makes the wrong guesses that end a login, or two, and then gives the right answer.
func (x *sequence) guessCode(p *person, m move) error {
	for range 1 + m.pick%2 {
		if err := x.logIn(p, move{who: m.who, arg: 1}); err != nil {
			return err
		}
		for range 4 + m.arg%2 {
			if err := x.answer(p, move{who: m.who, arg: 5}); err != nil {
				return err
			}
		}
	}
	return x.answer(p, move{who: m.who, arg: 2})
}

// guessed counts a guess at a login that waits.
func (w *pending) guessed(now time.Time) bool {
	if w.over || !now.Before(w.until) || w.tries == 5 {
		return false
	}
	w.tries++
	return true
}

// came is a login that waited and came to its end.
func (x *sequence) came(p *person, w *pending, l service.Login, m move) error {
	w.over = true
	s := &sitting{kind: w.kind, second: true, tenant: p.home(w.tenant), client: m.by().UserAgent}
	if s.ends = x.clock.now().Add(x.session.Absolute); w.replaces != nil {
		w.replaces.over = true
		if w.replaces.ends.Before(s.ends) {
			s.ends = w.replaces.ends
		}
	}
	return x.opened(p, l, s)
}

func (x *sequence) recover(p *person, m move) error {
	w, ok := chosen(p.waiting, m.pick)
	code, good := chosen(p.unspent, 0) // the newest
	if m.arg%3 == 0 && len(p.spent) > 0 {
		code, good = p.spent[len(p.spent)-1], false
	}
	if !ok {
		return nil
	}
	now, want := x.clock.now(), fault.Unauthenticated
	if w.guessed(now) && good && p.goes(w, now) {
		want = ""
	}
	l, err := x.at().MFA.VerifyRecovery(x.ctx, m.by(), service.MFACode{Token: w.token, Code: code, Kind: w.kind})
	if done, err := x.verdict(err, want); !done {
		return err
	}
	p.unspent, p.spent = p.unspent[:len(p.unspent)-1], append(p.spent, code)
	return x.came(p, w, l, m)
}

func (x *sequence) enroll(p *person, m move) error {
	by, s, err := x.signedIn(p, m)
	if err != nil || s == nil || p.device != nil && s.second {
		return err
	}
	want := fault.Code("")
	if p.device != nil {
		want = fault.Forbidden
	}
	later := x.db.next
	if m.arg%3 > 0 { // the fate meets the end of the enrollment, not its beginning
		x.db.next = unharmed
	}
	e, err := x.at().MFA.Enroll(x.ctx, by)
	if done, err := x.verdict(err, want); !done || x.lost() {
		return err
	}
	k := &mfa.Key{Algorithm: "SHA1", Digits: 6, Period: 30}
	if k.Secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(e.Secret); err != nil {
		return err
	}
	now := x.clock.now()
	if m.arg%2 == 0 {
		_, err := x.at().MFA.FinishEnroll(x.ctx, by, other(shown(k, now)))
		if _, err := x.verdict(err, fault.Invalid); err != nil {
			return err
		}
	}
	x.db.next = later
	codes, err := x.at().MFA.FinishEnroll(x.ctx, by, shown(k, now))
	if done, err := x.verdict(err, ""); !done {
		return err
	}
	p.device, p.step, p.unspent = k, k.Step(now), codes
	p.end(s)
	return nil
}

func (x *sequence) disable(p *person, m move) error {
	by, s, err := x.signedIn(p, m)
	if err != nil || s == nil || p.device == nil {
		return err
	}
	x.nextCode(m)
	if !s.alive(x.clock.now()) {
		return nil
	}
	code, good := x.code(p, m)
	want := fault.Invalid
	switch heard := p.guesses.heard(x.clock.now(), x.guesses); {
	case !heard:
		want = fault.Limited
	case good:
		want = ""
	}
	if done, err := x.verdict(x.at().MFA.Disable(x.ctx, by, "", code), want); !done {
		return err
	}
	p.disarm()
	p.end(s)
	return nil
}

func (x *sequence) unenroll(p *person, _ move) error {
	if done, err := x.verdict(x.at().MFA.Unenroll(x.ctx, host, p.id), ""); !done || p.device == nil {
		return err
	}
	p.disarm()
	p.end(nil)
	return nil
}

func (x *sequence) stepUp(p *person, m move) error {
	by, s, err := x.signedIn(p, m)
	if err != nil || s == nil {
		return err
	}
	want := fault.Code("")
	if p.device == nil {
		want = fault.Forbidden
	}
	l, err := x.at().MFA.StepUp(x.ctx, by, 0)
	if done, err := x.verdict(err, want); !done {
		return err
	}
	return x.asked(p, l, pending{kind: s.kind, tenant: by.TenantID, replaces: s})
}

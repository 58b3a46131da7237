package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/internal/secret"
	"github.com/go-identity/identity/store"
)

// codes are the proofs of one purpose that people read in one place and type in another. Six
// digits can be guessed, so that guesses are counted: of each code, and of the account
// however many codes it asks for. What is stored is a keyed hash, which tells nothing to
// whoever has the database only.
type codes struct {
	*base
	ring    *secret.Ring
	purpose store.Purpose
}

const (
	codeLife  = 10 * time.Minute
	codeTries = 5 // guesses at one code
)

// guesses bounds the guesses at all codes of one account.
func guesses() store.AttemptLimit {
	return store.AttemptLimit{Max: 10, Window: time.Hour, Lock: time.Hour}
}

// errCode is the one answer to a code that does not hold: wrong, never made, replaced, used,
// expired, or guessed at too often.
func errCode(cause error) error {
	return fault.New(fault.Invalid, "code", "is wrong or has expired").Because(cause)
}

// issue makes the code of c, which says whose it is and by what it is found again. It is the
// only one of its subject that works from now on.
func (k codes) issue(ctx context.Context, tx *unit, c store.Challenge, e errand) (code string, err error) {
	if code, err = secret.NewCode(); err != nil {
		return "", err
	}
	e.Code = k.mac(c.ID, code)
	doc, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	if c.Subject != "" {
		if err := tx.DropChallenges(ctx, k.purpose, c.Subject); err != nil {
			return "", err
		}
	}
	c.Purpose, c.Data, c.Tries, c.UsedAt = k.purpose, string(doc), 0, time.Time{}
	c.CreatedAt, c.ExpiresAt = tx.at, tx.at.Add(codeLife)
	return code, tx.CreateChallenge(ctx, c)
}

func (k codes) mac(id, code string) []byte {
	return k.ring.MAC("code", string(k.purpose), id, strings.ReplaceAll(code, " ", ""))
}

// guess checks a code against the challenge and returns its errand. It does not use the code
// up, but it counts, before it compares.
func (k codes) guess(ctx context.Context, by store.Principal, c store.Challenge, code string) (errand, error) {
	e, err := readErrand(c)
	if err != nil {
		return errand{}, err
	}
	err = k.count(ctx, c)
	if err == nil && !secret.Equal(e.Code, k.mac(c.ID, code)) {
		err = errCode(errors.New("a wrong code"))
	}
	if f := fault.From(err); f != nil && f.Code == fault.Invalid {
		k.note(ctx, by, "code.refused", c.Subject, map[string]string{"purpose": string(k.purpose)})
	}
	if err != nil {
		return errand{}, err
	}
	return e, nil
}

// count counts one guess at the code and at the account. Who hangs up at this moment is
// counted all the same.
func (k codes) count(ctx context.Context, c store.Challenge) error {
	if !c.UsedAt.IsZero() || !k.now().Before(c.ExpiresAt) {
		return errCode(errors.New("the code is over"))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	err := k.store.TryChallenge(ctx, k.purpose, c.ID, codeTries)
	if err == nil {
		_, err = k.store.Attempt(ctx, k.account(c), k.now(), guesses())
	}
	if errors.Is(err, store.ErrNotFound) {
		return errCode(errors.New("too many guesses"))
	}
	return err
}

// account is what all guesses of one subject are counted by.
func (k codes) account(c store.Challenge) string {
	return subject(k.ring.MAC("guesses", string(k.purpose), cmp.Or(c.Subject, c.ID)))
}

// use uses up a code that was guessed right, and forgets the guesses.
func (k codes) use(ctx context.Context, tx *unit, c store.Challenge) error {
	if err := use(ctx, tx, c); err != nil {
		if f := fault.From(err); f.Code == fault.Gone {
			return errCode(err)
		}
		return err
	}
	return tx.ClearAttempts(ctx, k.account(c))
}

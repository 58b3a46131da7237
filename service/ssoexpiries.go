package service

import (
	"context"
	"time"

	"github.com/go-identity/identity/message"
	"github.com/go-identity/identity/store"
)

// warn tells of a certificate that is about to run out, once at each of the times.
func (s *Connections) warn(ctx context.Context, w path) error {
	if w.st.SAML == nil || !w.Enabled {
		return nil
	}
	ends, err := w.st.SAML.lastEnd()
	if err != nil {
		return err
	}
	days := imminent(ends.Sub(s.now()))
	told := w.st.SAML.WarnedOf.Equal(ends) && w.st.SAML.WarnedDays <= days
	if days == 0 || told || ends.IsZero() {
		return nil
	}
	st := w.st.copy()
	st.SAML.WarnedOf, st.SAML.WarnedDays = ends, days
	next, err := w.with(st)
	if err != nil {
		return err
	}
	return s.change(ctx, watcher(w), "connection.certificate_expiring", w.ID, func(tx *unit) error {
		tx.detail = map[string]any{"endsAt": ends, "days": days}
		if err := replace(ctx, tx, w, next); err != nil {
			return err
		}
		return s.notices.expiring(ctx, tx, w.TenantID, ends)
	})
}

// lastEnd is when the last of the provider's certificates runs out: from then on none is good.
func (s SAMLSettings) lastEnd() (time.Time, error) {
	p, err := s.provider()
	var last time.Time
	for _, c := range p.Certificates {
		if c.NotAfter.After(last) {
			last = c.NotAfter.UTC()
		}
	}
	return last, err
}

// imminent returns how many days before the end people are told at the latest by now; 0 is not
// yet.
func imminent(left time.Duration) int {
	for _, days := range []int{1, 7, 30} {
		if left <= time.Duration(days)*24*time.Hour {
			return days
		}
	}
	return 0
}

// expiring tells those who look after a tenant's single sign-on of a certificate.
func (n *connectionNotices) expiring(ctx context.Context, tx *unit, tenantID string, ends time.Time) error {
	tenant, err := tx.Tenant(ctx, tenantID)
	if err != nil {
		return err
	}
	ids, err := keepers(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	for _, id := range ids[:min(len(ids), maxNoticed)] {
		u, err := tx.User(ctx, id)
		if err == nil && u.Email != "" {
			err = n.expires(ctx, tx, u, message.CertificateNotice{Company: tenant.Name, EndsAt: ends})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *connectionNotices) expires(ctx context.Context, tx *unit, u store.User, v message.CertificateNotice) error {
	v.To, v.Name = u.Email, u.Name
	m, err := n.compose.CertificateExpiring(v)
	return n.send(ctx, tx, m, err)
}

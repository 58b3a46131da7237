package bench_test

import (
	"fmt"
	"testing"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"

	"github.com/go-identity/identity/store"
)

// keys returns n permissions, the last of them a wildcard.
func keys(n int) []store.Permission {
	all := make([]store.Permission, n)
	for i := range all {
		all[i] = store.Permission(fmt.Sprintf("module%d.reports.section%d.read", i%7, i))
	}
	all[n-1] = "billing.*"
	return all
}

// asked are the questions: two that are held as they are, one by the wildcard, one not at all.
func asked(n int) []store.Permission {
	all := keys(n)
	return []store.Permission{all[0], all[n/2], "billing.invoices.read", "module1.reports.section1.write"}
}

// A checker answers them, and counts how many it allows.
type checker struct {
	name string
	do   func() (held int, err error)
}

// allowed is how many of the questions have the answer yes.
const allowed = 3

func (c checker) check() error {
	if n, err := c.do(); err != nil || n != allowed {
		return fmt.Errorf("%s allows %d, want %d: %w", c.name, n, allowed, err)
	}
	return nil
}

func checkers(tb testing.TB, n int) []checker {
	tb.Helper()
	set, wanted := store.NewPermissionSet(keys(n)), asked(n)
	plain := map[store.Permission]struct{}{}
	for _, k := range append(keys(n), wanted[2]) { // a map knows no wildcard
		plain[k] = struct{}{}
	}
	return []checker{
		{"ours", func() (held int, _ error) {
			for _, k := range wanted {
				if set.Has(k) {
					held++
				}
			}
			return held, nil
		}},
		{"map", func() (held int, _ error) {
			for _, k := range wanted {
				if _, ok := plain[k]; ok {
					held++
				}
			}
			return held, nil
		}},
		{"casbin", enforced(tb, n)},
	}
}

const casbinModel = `
[request_definition]
r = sub, act
[policy_definition]
p = sub, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && keyMatch(r.act, p.act)
`

// enforced is casbin with one policy for each permission of a role.
func enforced(tb testing.TB, n int) func() (int, error) {
	tb.Helper()
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		tb.Fatal(err)
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		tb.Fatal(err)
	}
	for _, k := range keys(n) {
		if _, err := e.AddPolicy("reader", string(k)); err != nil {
			tb.Fatal(err)
		}
	}
	wanted := asked(n)
	return func() (held int, _ error) {
		for _, k := range wanted {
			ok, err := e.Enforce("reader", string(k))
			if err != nil {
				return held, err
			}
			if ok {
				held++
			}
		}
		return held, nil
	}
}

// BenchmarkPermission is G7: four checks of somebody with n permissions.
func BenchmarkPermission(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		for _, c := range checkers(b, n) {
			bench(b, fmt.Sprintf("n=%d/%s", n, c.name), c.check)
		}
	}
}

// permissionGoals is G7.
func permissionGoals(t *testing.T, b *board) {
	few, many := checkers(t, 10), checkers(t, 1000)
	b.report(t, "allocations of a check", atMost(0), []float64{testing.AllocsPerRun(100, func() { _, _ = many[0].do() })})
	b.report(t, "ours / a map, 10 permissions", atMost(5), compared(few[0].check, few[1].check).ratios(t))
	b.report(t, "ours / a map, 1000 permissions", atMost(5), compared(many[0].check, many[1].check).ratios(t))
	b.report(t, "ours with 1000 permissions / with 10", atMost(1.5), compared(many[0].check, few[0].check).ratios(t))
	b.report(t, "casbin / ours, 10 permissions", atLeast(100), compared(few[2].check, few[0].check).ratios(t))
}

package outbound

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Fetch returns the document at an address. Whatever goes wrong there is the one error of
// [Unreachable]; an address that may not be used is refused with a sentence.
func (g *Guard) Fetch(ctx context.Context, address string) ([]byte, error) {
	if err := g.CheckURL(address); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, Unreachable(err)
	}
	a, err := g.client.Do(r)
	if err != nil {
		return nil, Unreachable(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return nil, Unreachable(fmt.Errorf("status %d", a.StatusCode))
	}
	doc, err := io.ReadAll(a.Body)
	if err != nil {
		return nil, Unreachable(err)
	}
	return doc, nil
}

// Private reports whether the guard admits private networks, and with them plain http on
// loopback.
func (g *Guard) Private() bool { return g.private }

package middleware

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-identity/identity/internal/fault"
	"github.com/go-identity/identity/store"
)

// Remote returns a [Config].Resolve for a service that holds no sessions and only verifies
// access tokens: resolve is the method of a token.Verifier. A session cookie says nothing
// there and is refused.
func Remote(
	resolve func(ctx context.Context, raw string) (*store.Principal, error),
) func(ctx context.Context, c Credential) (*store.Principal, Renewal, error) {
	return func(ctx context.Context, c Credential) (*store.Principal, Renewal, error) {
		if c.Bearer == "" {
			return nil, Renewal{}, fault.New(fault.Unauthenticated, "", "sign in first")
		}
		p, err := resolve(ctx, c.Bearer)
		return p, Renewal{}, err
	}
}

// maxPublished bounds what is read of a key set.
const maxPublished = 1 << 20

// FetchKeys returns a function that reads the public keys at address, such as
// https://id.example.com/.well-known/jwks.json, for a token.Verifier. The address is https
// unless it is loopback; redirects are not followed. Time-outs are the client's and the
// context's.
func FetchKeys(client *http.Client, address string) func(ctx context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		if client == nil {
			return nil, errors.New("no client to fetch keys with")
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
			return nil, fmt.Errorf("%q must be an https address", address)
		}
		return fetch(ctx, *client, u.String())
	}
}

func fetch(ctx context.Context, client http.Client, address string) ([]byte, error) {
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxPublished+1))
	if err == nil && len(text) > maxPublished {
		err = fmt.Errorf("%s answers more than %d bytes", address, maxPublished)
	}
	return text, err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

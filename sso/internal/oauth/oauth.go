// Package oauth is what signing in elsewhere comes to whether or not the provider speaks
// OpenID Connect: a code that the browser brings, its exchange, and JSON documents that others
// wrote.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/go-identity/identity/sso"
)

const (
	// Patience is for one answer of the provider.
	Patience = 10 * time.Second

	maxBody  = 1 << 20 // of an answer, in bytes
	maxDepth = 64      // of the objects and lists in it
)

// word is an error code of RFC 6749 §5.2, which alone of an error is worth repeating.
var word = regexp.MustCompile(`^[a-z_]{1,40}$`)

// A Client asks providers. It is safe for concurrent use.
type Client struct {
	http     *http.Client
	checkURL func(address string) error
}

// NewClient returns a Client that follows no redirect: one could carry the client's secret or
// a code to somewhere else. A nil checkURL means that h alone judges addresses.
func NewClient(h *http.Client, checkURL func(address string) error) *Client {
	if checkURL == nil {
		checkURL = func(string) error { return nil }
	}
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("a redirect") }
	return &Client{http: &own, checkURL: checkURL}
}

// Redeem exchanges a code. An empty verifier sends none. The error of the library holds the
// whole answer, which goes nowhere, not even to the log.
func (c *Client) Redeem(ctx context.Context, o *oauth2.Config, code, verifier string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if err := c.checkURL(o.Endpoint.TokenURL); err != nil {
		return nil, sso.Refuse("the token endpoint may not be used", err)
	}
	var options []oauth2.AuthCodeOption
	if verifier != "" {
		options = append(options, oauth2.VerifierOption(verifier))
	}
	tokens, err := o.Exchange(goidc.ClientContext(ctx, c.http), code, options...)
	var told *oauth2.RetrieveError
	switch {
	case errors.As(err, &told) && word.MatchString(told.ErrorCode):
		return nil, sso.Refuse("the token endpoint answered "+told.ErrorCode+hint(told.ErrorCode), nil)
	case errors.As(err, &told):
		return nil, sso.Refuse(unusable, fmt.Errorf("status %d", told.Response.StatusCode))
	case err != nil:
		return nil, sso.Refuse(unusable, err)
	case !strings.EqualFold(tokens.TokenType, "bearer"):
		return nil, sso.Refuse("the token endpoint gave a token that is no bearer token", nil)
	}
	return tokens, nil
}

const unusable = "the token endpoint gave no usable answer"

// hint says what usually is behind a code, those that some large providers made up included.
func hint(code string) string {
	switch code {
	case "invalid_client", "incorrect_client_credentials", "bad_client_secret", "invalid_client_id":
		return ": compare client id, client secret and the way they are sent with what the provider has"
	case "invalid_grant", "bad_verification_code", "invalid_code":
		return ": the code was used, is too old, or the redirect URI is not the one registered"
	case "redirect_uri_mismatch", "bad_redirect_uri":
		return ": register our redirect URI with the provider, letter for letter"
	}
	return ""
}

// Get returns a JSON document. An error holds nothing of what the address answered.
func (c *Client) Get(ctx context.Context, address, bearer string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if err := c.checkURL(address); err != nil {
		return nil, fmt.Errorf("check %.200q: %w", address, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %.200q: %w", address, err)
	}
	r.Header.Set("Accept", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	a, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask %.200q: %w", address, err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read %.200q: %w", address, err)
	}
	return text, checkJSON(a, text)
}

func checkJSON(a *http.Response, text []byte) error {
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	switch {
	case a.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d", a.StatusCode)
	case err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json"):
		return errors.New("the answer is not JSON by its content type")
	case len(text) > maxBody:
		return fmt.Errorf("an answer of more than %d bytes", maxBody)
	case !utf8.Valid(text):
		return errors.New("the answer is not UTF-8")
	case deep(text):
		return fmt.Errorf("an answer nested deeper than %d", maxDepth)
	}
	return nil
}

// deep reports whether a text has more brackets open at once than its reader, which knows no
// limit, should follow. Brackets inside strings count as well: nobody has so many of them.
func deep(text []byte) bool {
	open := 0
	for _, b := range text {
		switch b {
		case '{', '[':
			open++
		case '}', ']':
			open--
		}
		if open > maxDepth {
			return true
		}
	}
	return false
}

package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// A guarded is an http.RoundTripper that checks each hop and bounds each answer.
type guarded struct {
	check         func(*url.URL) error
	secure, plain *http.Transport
}

// RoundTrip sends one request, unless its address is refused. Every error is [Unreachable].
func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.check(r.URL); err != nil {
		return nil, Unreachable(errors.Join(err, closeBody(r)))
	}
	to := g.secure
	if r.URL.Scheme == "http" {
		to = g.plain
	}
	ctx, cancel := deadline(r)
	a, err := to.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, Unreachable(err)
	}
	if err := checkAnswer(a); err != nil {
		cancel()
		return nil, Unreachable(errors.Join(err, a.Body.Close()))
	}
	end, _ := ctx.Deadline()
	a.Body = &body{ReadCloser: a.Body, left: MaxBody, end: end, cancel: cancel}
	return a, nil
}

// CloseIdleConnections closes what waits for another request.
func (g *guarded) CloseIdleConnections() {
	g.secure.CloseIdleConnections()
	g.plain.CloseIdleConnections()
}

// closeBody does what the contract of a RoundTripper asks even of those that refuse.
func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

// deadline gives a request its time. A redirect has what its first request left: the client
// hands over the answer that caused it.
func deadline(r *http.Request) (context.Context, context.CancelFunc) {
	if r.Response != nil {
		if b, ok := r.Response.Body.(*body); ok {
			return context.WithDeadline(r.Context(), b.end)
		}
	}
	return context.WithTimeout(r.Context(), patience)
}

func checkAnswer(a *http.Response) error {
	if a.ContentLength > MaxBody {
		return fmt.Errorf("an answer of %d bytes", a.ContentLength)
	}
	if e := a.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return errors.New("a compressed answer, which was not asked for")
	}
	return nil
}

// A body ends in an error where it is longer than it may be, rather than be cut.
type body struct {
	io.ReadCloser
	left   int64
	end    time.Time
	cancel context.CancelFunc
}

// Read reads on; too much and too late are [Unreachable].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, Unreachable(fmt.Errorf("an answer of more than %d bytes", MaxBody))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = Unreachable(err)
	}
	return n, err
}

// Close ends the request.
func (b *body) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}

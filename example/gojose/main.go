// Command gojose reads a token from standard input, verifies it with go-jose by the keys of a
// JWKS URL, and prints its claims. It ends with an error where a back end that trusts those
// keys, that issuer and that audience would refuse the token.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 4 {
		return errors.New("usage: gojose jwks-url issuer audience algorithm <token")
	}
	raw, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	keys, err := fetch(ctx, args[0])
	if err != nil {
		return fmt.Errorf("fetch keys: %w", err)
	}
	claims, err := verify(strings.TrimSpace(string(raw)), keys, args[1], args[2], jose.SignatureAlgorithm(args[3]))
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return json.NewEncoder(out).Encode(claims)
}

func fetch(ctx context.Context, url string) (jose.JSONWebKeySet, error) {
	var keys jose.JSONWebKeySet
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return keys, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return keys, err
	}
	defer res.Body.Close()
	return keys, json.NewDecoder(res.Body).Decode(&keys)
}

func verify(raw string, keys jose.JSONWebKeySet, issuer, audience string, alg jose.SignatureAlgorithm) (map[string]any, error) {
	t, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{alg})
	if err != nil {
		return nil, err
	}
	var known jwt.Claims
	var all map[string]any
	if err := t.Claims(keys, &known, &all); err != nil {
		return nil, err
	}
	return all, known.Validate(jwt.Expected{Issuer: issuer, AnyAudience: jwt.Audience{audience}, Time: time.Now()})
}

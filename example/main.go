// Command example is Acme Reports, a small B2B app that keeps its users, companies and
// rights with the identity library: reports are seen, made and approved behind a
// permission each, and an admin sees the members.
//
//	go run ./example
//
// It listens on loopback, keeps identity in a SQLite file (reports in memory) and catches
// its own mail.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-identity/identity"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return err
	}
	defer l.Close()
	if s.baseURL == "" {
		s.baseURL = "http://" + reachable(l.Addr())
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	mail := &mailbox{}
	id, err := open(ctx, s, log, mail)
	if err != nil {
		return err
	}
	defer id.Close()
	h, err := newApp(id, mail, log)
	if err != nil {
		return err
	}
	if err := id.Err(); err != nil {
		return err
	}
	return serve(ctx, id, l, h, log)
}

// open opens the store, wires the library and makes the demonstration accounts.
func open(ctx context.Context, s settings, log *slog.Logger, mail *mailbox) (*identity.Identity, error) {
	key, err := s.secret()
	if err != nil {
		return nil, err
	}
	db, err := openStore(ctx, s.db)
	if err != nil {
		return nil, err
	}
	id, err := identity.New(ctx, identity.Options{
		Store: db, BaseURL: s.baseURL, Secrets: [][]byte{key}, Name: "Acme Reports",
		Permissions: permissions(), Roles: roles(),
		SignUp:   identity.SignUpOptions{SkipVerification: !s.verify},
		Limits:   identity.LimitOptions{Off: s.limits == "off"},
		Outbound: identity.OutboundOptions{AllowPrivateNetworks: s.privateNetworks},
		Send:     mail.catch, Logger: log,
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	people, err := seed(ctx, id, key)
	if err == nil && s.credentials != "" {
		err = writeCredentials(ctx, id, s.credentials, people)
	}
	if err != nil {
		return nil, errors.Join(err, id.Close())
	}
	welcome(os.Stdout, s.baseURL, people)
	return id, nil
}

// serve answers requests until ctx ends, then lets those in flight finish.
func serve(ctx context.Context, id *identity.Identity, l net.Listener, h http.Handler, log *slog.Logger) error {
	srv := identity.NewServer("", h)
	srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	work, served := make(chan error, 1), make(chan error, 1)
	go func() { work <- id.Run(running) }()
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return err
	case err := <-work:
		return errors.Join(err, srv.Close())
	case <-ctx.Done():
	}
	deadline, done := context.WithTimeout(running, 10*time.Second)
	defer done()
	err := srv.Shutdown(deadline)
	cancel() // after the last request, so that its mail still leaves
	if e := <-work; !errors.Is(e, context.Canceled) {
		err = errors.Join(err, e)
	}
	return err
}

// reachable is how a browser on this machine names the address.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

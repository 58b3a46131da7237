package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Server is a PostgreSQL server that listens on a port of 127.0.0.1 and ends with this
// process, however that ends.
type Server struct {
	dir  string
	port int
}

// An Option changes how a Server starts.
type Option func(settings map[string]string)

// Durable makes a commit that was acknowledged survive a kill of the whole machine, as a
// server for real does.
func Durable() Option {
	return func(s map[string]string) {
		for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
			s[name] = "on"
		}
	}
}

// Set gives the server a setting.
func Set(name, value string) Option {
	return func(s map[string]string) { s[name] = value }
}

// Installed reports whether this machine can start a server.
func Installed() bool {
	_, err := binaries()
	return err == nil
}

// Start makes a server in dir, which it creates, and waits until it answers. As root it
// runs as another user, which PostgreSQL asks for, and opens the way to dir for that user.
func Start(ctx context.Context, dir string, options ...Option) (*Server, error) {
	settings := map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
		"listen_addresses": "127.0.0.1", "unix_socket_directories": "",
		"max_connections": "300", "shared_buffers": "64MB",
	}
	for _, o := range options {
		o(settings)
	}
	if err := prepare(dir); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", dir, err)
	}
	s := &Server{dir: dir}
	if err := s.run(ctx, "initdb", "-D", s.cluster(), "-U", "app", "-A", "trust", "-E", "UTF8",
		"--locale=C.UTF-8", "--no-sync", "--no-instructions"); err != nil {
		return nil, err
	}
	if err := s.listen(ctx, settings); err != nil {
		return nil, err
	}
	return s, guard(s)
}

// listen starts the new server on a free port: one that another program takes meanwhile
// costs a second try.
func (s *Server) listen(ctx context.Context, settings map[string]string) (err error) {
	for range 5 {
		if s.port, err = freePort(); err != nil {
			return err
		}
		settings["port"] = strconv.Itoa(s.port)
		if err = s.configure(settings); err != nil {
			return err
		}
		if err = s.Restart(ctx); err == nil {
			return nil
		}
	}
	return err
}

// URL returns the address of the server's own database.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://app@127.0.0.1:%d/postgres?sslmode=disable", s.port)
}

// Restart starts the server again after Stop or Kill, on the same port.
func (s *Server) Restart(ctx context.Context) error {
	for {
		if err := os.RemoveAll(filepath.Join(s.dir, "log")); err != nil {
			return err
		}
		err := s.run(ctx, "pg_ctl", "-D", s.cluster(), "-l", filepath.Join(s.dir, "log"), "-w", "-s", "start")
		if err == nil || !s.dying() {
			return err
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// dying reports whether processes of a killed server still hold its memory or its lock.
func (s *Server) dying() bool {
	log := s.log()
	return strings.Contains(log, "still in use") || strings.Contains(log, "already exists")
}

// log returns the end of what the server wrote.
func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return ""
	}
	return string(text[max(0, len(text)-1000):])
}

// Stop stops the server at once, in order.
func (s *Server) Stop(ctx context.Context) error {
	return s.run(ctx, "pg_ctl", "-D", s.cluster(), "-m", "fast", "-w", "-s", "stop")
}

// Kill ends the server as a crash does: what it had not written is lost.
func (s *Server) Kill() error {
	pid, err := s.pid()
	if err != nil {
		return err
	}
	return kill(pid)
}

func (s *Server) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.cluster(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// resume returns the server that runs in dir.
func resume(dir string) (*Server, error) {
	s := &Server{dir: dir}
	text, err := os.ReadFile(filepath.Join(s.cluster(), "postmaster.pid"))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 4 {
		return nil, fmt.Errorf("%s: the server is starting", dir)
	}
	s.port, err = strconv.Atoi(lines[3])
	return s, err
}

func (s *Server) cluster() string { return filepath.Join(s.dir, "data") }

func (s *Server) configure(settings map[string]string) error {
	var b strings.Builder
	for name, value := range settings {
		fmt.Fprintf(&b, "%s = '%s'\n", name, value)
	}
	path := filepath.Join(s.cluster(), "postgresql.auto.conf")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644)
}

// run runs a program of PostgreSQL. What a server writes goes to files: a pipe that it
// inherited would keep this process waiting.
func (s *Server) run(ctx context.Context, program string, args ...string) error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(s.dir, program+".out"))
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + bin + ":/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	cmd.Stdout, cmd.Stderr = out, out
	if err := lower(cmd); err != nil {
		return err
	}
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s%s", program, err, said, s.log())
	}
	return nil
}

// binaries returns the folder of PostgreSQL's programs, the newest where there are several.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("no initdb on PATH or under /usr/lib/postgresql")
	}
	return filepath.Dir(slices.Max(found)), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

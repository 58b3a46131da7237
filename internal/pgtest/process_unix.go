//go:build unix

package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lock takes an exclusive lock on the file at path.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	who, err := account()
	if err == nil && who != nil {
		err = f.Chown(int(who.Uid), int(who.Gid)) // so that the guard can remove it
	}
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// prepare makes dir for the user that the server runs as.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	who, err := account()
	if who == nil || err != nil {
		return err
	}
	temp := os.TempDir() + string(filepath.Separator)
	for d := dir; strings.HasPrefix(d, temp); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			return err
		}
	}
	return os.Chown(dir, int(who.Uid), int(who.Gid))
}

// lower makes cmd run as the server's user.
func lower(cmd *exec.Cmd) error {
	who, err := account()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	return err
}

// account returns who the server runs as: nil is whoever runs the tests, unless that is
// root, for whom PostgreSQL does not start.
func account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

// guard starts a process that outlives this one by a moment: it waits until its input
// ends, which it does when this process does, even by SIGKILL, and removes the server.
func guard(s *Server) error {
	bin, err := binaries()
	if err != nil {
		return err
	}
	var ends [2]int
	syscall.ForkLock.RLock()
	err = syscall.Pipe(ends[:])
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1]) // never closed here: that is the point
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return err
	}
	in := os.NewFile(uintptr(ends[0]), "guard")
	defer in.Close()
	cmd := exec.Command("/bin/sh", "-c",
		`read -r _; "$0/pg_ctl" -D "$1/data" -m immediate -s stop 2>/dev/null; rm -rf "$1"/* "$1" "$1.lock" 2>/dev/null`,
		bin, s.dir)
	cmd.Stdin, cmd.Env = in, []string{"PATH=/usr/bin:/bin"}
	if err := lower(cmd); err != nil {
		return err
	}
	return cmd.Start()
}

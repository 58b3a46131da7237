//go:build !unix

package pgtest

import (
	"errors"
	"os"
	"os/exec"
)

var errSystem = errors.New("a throw-away PostgreSQL needs a Unix system: set IDENTITY_POSTGRES")

func lock(string) (func(), error) { return nil, errSystem }

func prepare(string) error { return errSystem }

func lower(*exec.Cmd) error { return errSystem }

func guard(*Server) error { return errSystem }

func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

//go:build !unix

package funchost

import (
	"errors"
	"os"
)

var errNoStop = errors.New("this operating system has no signal that stops a process")

func stopProcess(*os.Process) error { return errNoStop }

func continueProcess(*os.Process) error { return errNoStop }

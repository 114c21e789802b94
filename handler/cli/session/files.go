package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"cordon/handler/incoming"
)

// folder is where sign-ins are kept. Nobody but their owner may read it.
type folder string

// folderOf is the folder of the person at this computer.
func folderOf(getenv func(string) string) (folder, error) {
	own := getenv("CORDON_CONFIG_DIR")
	if own != "" {
		return folder(own), nil
	}
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for sign-ins: %w; set CORDON_CONFIG_DIR", err)
	}
	return folder(filepath.Join(base, "cordon")), nil
}

// read reads a file. One that does not exist is empty; one that others may read is refused, and so is a link, for it
// may lead to what is not ours.
func (f folder) read(name string) ([]byte, error) {
	path := filepath.Join(string(f), name)
	for _, part := range []string{string(f), path} {
		err := private(part)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return incoming.File(path)
}

// private refuses what others may read or write.
func private(path string) error {
	is, err := os.Lstat(path)
	if err != nil {
		return err
	}
	way := "chmod 600"
	if is.IsDir() {
		way = "chmod 700"
	}
	switch {
	case !is.IsDir() && !is.Mode().IsRegular():
		return fmt.Errorf("%s is neither a file nor a folder: remove it", path)
	case runtime.GOOS != "windows" && is.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s may be read or changed by others (%s), and sign-ins are in it: %s %s, or remove it and "+
			"sign in again", path, is.Mode().Perm(), way, path)
	}
	return nil
}

// write replaces a file at once: whoever reads it sees the old one or the new one.
func (f folder) write(name string, body []byte) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	if err := private(string(f)); err != nil {
		return err
	}
	fresh, err := os.CreateTemp(string(f), name+".*") // its rights are 0600
	if err != nil {
		return err
	}
	_, err = fresh.Write(body)
	err = errors.Join(err, fresh.Sync(), fresh.Close())
	if err == nil {
		err = os.Rename(fresh.Name(), filepath.Join(string(f), name))
	}
	if err != nil {
		_ = os.Remove(fresh.Name()) // the error is told
	}
	return err
}

// remove removes a file, if it is there, and what a write of it that was cut short left.
func (f folder) remove(name string) error {
	all, err := os.ReadDir(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, one := range all {
		if one.Name() != name && !strings.HasPrefix(one.Name(), name+".") {
			continue
		}
		gone := os.Remove(filepath.Join(string(f), one.Name()))
		if !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
)

// ownSettings is what `make start` puts into a staged folder, and nobody else.
const ownSettings = "local.settings.json"

func stageCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stage FROM TO",
		Short: "Make a folder the same as another without disturbing who runs in it",
		Args:  cobra.ExactArgs(2),
		Long: "Files that differ are written beside the old ones and take their places; what is not in FROM is removed, " +
			"except " + ownSettings + ".",
		Example: "  local stage build/app dist",
		RunE:    func(_ *cobra.Command, args []string) error { return restage(args[0], args[1]) },
	}
}

// restage makes the folder to the same as from. A process that was started from it, or reads it, has the old files or the
// new ones, each whole.
func restage(from, to string) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		return replace(path, filepath.Join(to, relative))
	})
	if err != nil {
		return err
	}
	return prune(from, to)
}

// replace puts a copy of a file into the place of another, in one step; if they are the same it leaves it.
func replace(from, to string) error {
	body, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	old, err := os.Stat(to)
	if err == nil && old.Mode() == info.Mode() && old.Size() == info.Size() {
		if had, err := os.ReadFile(to); err == nil && bytes.Equal(had, body) {
			return nil
		}
	}
	beside, err := os.CreateTemp(filepath.Dir(to), ".staged-*")
	if err != nil {
		return err
	}
	_, writeErr := beside.Write(body)
	err = errors.Join(writeErr, beside.Chmod(info.Mode()), beside.Close())
	if err == nil {
		err = os.Rename(beside.Name(), to)
	}
	if err != nil {
		_ = os.Remove(beside.Name())
	}
	return err
}

// prune removes what from does not have.
func prune(from, to string) error {
	var strays []string
	err := filepath.WalkDir(to, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(to, path)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(filepath.Join(from, relative)); errors.Is(err, fs.ErrNotExist) && relative != ownSettings {
			strays = append(strays, path)
		}
		return nil
	})
	slices.Reverse(strays) // what is in a folder comes before the folder
	for _, path := range strays {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

package cases

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Suffix ends the names of files with cases.
const Suffix = ".test.yaml"

// Stdin stands for standard input among files.
const Stdin = "-"

// Find lists files of cases: those that are named, and those in the folders that are named and in the ones in them.
// Each is listed once, in the order in which it was met.
func Find(operands []string) ([]string, error) {
	var files []string
	for _, operand := range operands {
		found, err := find(operand)
		if err != nil {
			return files, err
		}
		for _, path := range found {
			if !slices.Contains(files, path) {
				files = append(files, path)
			}
		}
	}
	return files, nil
}

func find(operand string) ([]string, error) {
	if operand == Stdin {
		return []string{Stdin}, nil
	}
	operand = filepath.Clean(operand)
	about, err := os.Stat(operand)
	switch {
	case err != nil:
		return nil, err
	case !about.IsDir():
		return []string{operand}, nil
	}
	var files []string
	err = filepath.WalkDir(operand, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, Suffix) {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no file in %s ends in %s, so nothing is tested", operand, Suffix)
	}
	return files, err
}

package main

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// pack writes a staged folder as the zip that is deployed: everything at the root, the binary executable. Other files
// are 0644; the modes are set here because a zip made elsewhere may have lost them. All entries have the same
// time and stand in the order of their names, so that the same files give the same zip.
func pack(folder, target string) (err error) {
	for _, needed := range []string{
		"cordon", "host.json", "playbook.yaml", "LICENSE", "sbom.cdx.json", "licenses.txt",
	} {
		if _, err := os.Stat(filepath.Join(folder, needed)); err != nil {
			return fmt.Errorf("%s is not a staged folder: %w", folder, err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	file, err := os.Create(target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	archive := zip.NewWriter(file)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	err = fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return packFile(archive, folder, path)
	})
	return errors.Join(err, archive.Close())
}

func packFile(archive *zip.Writer, folder, path string) error {
	source, err := os.Open(filepath.Join(folder, filepath.FromSlash(path)))
	if err != nil {
		return err
	}
	defer source.Close()
	// the format's first day
	header := &zip.FileHeader{Name: path, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	mode := fs.FileMode(0o644)
	if path == "cordon" {
		mode = 0o755
	}
	header.SetMode(mode)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, source)
	return err
}

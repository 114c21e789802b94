package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// entry is what of a vulnerability the indexes need. In the repository its own times are zero.
type entry struct {
	ID       string   `json:"id"`
	Aliases  []string `json:"aliases"`
	Affected []struct {
		Package struct{ Name string }
	} `json:"affected"`
}

// indexed is a vulnerability in an index. Without fixed, which may be left out, govulncheck reads the entry itself.
type indexed struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
	Aliases  []string  `json:"aliases,omitempty"`
}

// module is a line of the index of modules.
type module struct {
	Path  string    `json:"path"`
	Vulns []indexed `json:"vulns"`
}

// database makes folder the database of the entries in source, in the layout that https://go.dev/security/vuln/database
// describes, and gives their number. None is an error, because govulncheck finds nothing in an empty database and calls
// that a success.
func database(source, folder string, at time.Time) (entries int, err error) {
	files, err := filepath.Glob(filepath.Join(source, "*.json"))
	if err != nil {
		return 0, err
	}
	if len(files) == 0 {
		return 0, fmt.Errorf("%s has no entries", source)
	}
	vulns, modules := []indexed{}, map[string]*module{}
	for _, file := range files {
		e, err := readEntry(file)
		if err != nil {
			return 0, err
		}
		vulns = append(vulns, indexed{e.ID, at, e.Aliases})
		for _, affected := range e.Affected {
			path := affected.Package.Name
			if modules[path] == nil {
				modules[path] = &module{Path: path}
			}
			if m := modules[path]; !slices.ContainsFunc(m.Vulns, func(v indexed) bool { return v.ID == e.ID }) {
				m.Vulns = append(m.Vulns, indexed{ID: e.ID, Modified: at})
			}
		}
	}
	sorted := []module{}
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		sorted = append(sorted, *modules[path])
	}
	return len(files),
		write(source, folder, map[string]any{
			"db":      map[string]time.Time{"modified": at},
			"modules": sorted,
			"vulns":   vulns,
		})
}

// readEntry reads one file, which has to have the name of its vulnerability: that is how it is found.
func readEntry(file string) (entry, error) {
	var e entry
	body, err := os.ReadFile(file)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("%s: %w", file, err)
	}
	if e.ID+".json" != filepath.Base(file) || len(e.Affected) == 0 {
		return e,
			fmt.Errorf("%s is the entry %q and affects %d modules: not what a file of this name should be", file, e.ID,
				len(e.Affected))
	}
	return e, nil
}

// write lays the indexes beside the entries, which stay where they are.
func write(source, folder string, indexes map[string]any) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(folder, "index"), 0o755); err != nil {
		return err
	}
	for name, index := range indexes {
		body, err := json.Marshal(index)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "index", name+".json"), body, 0o644); err != nil {
			return err
		}
	}
	return os.Symlink(source, filepath.Join(folder, "ID"))
}

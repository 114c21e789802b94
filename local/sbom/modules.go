// Package sbom says what a program is built from: its bill of materials for the package, and the licences of everything
// that the repository uses. It asks the go command and the module cache, so it needs no network once the program was
// built. Folders of modules are read, never written.
package sbom

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
)

// Module is one module that something is built from.
type Module struct {
	Path    string
	Version string
	Sum     string   // as in go.sum, "h1:…"; empty for the standard library, and unless the linker recorded it
	Dir     string   // in the module cache
	Needs   []string // paths of the modules whose packages its packages import, sorted
}

// Standard is the path under which the standard library is listed; its version is Go's.
const Standard = "std"

// listed is what is read of `go list -json` about a package.
type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// Build is what a program is built from.
type Build struct {
	Needs   []string // paths of the modules whose packages its own packages import, sorted
	Modules []Module // by path, the standard library among them
}

// Linked lists the modules of a Go binary as the linker recorded them. It runs in the folder of the module that the
// binary was built from: what a module needs, and where it is, comes from there. A binary that was built from other
// versions than go.mod names is refused.
func Linked(binary, pkg string) (Build, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return Build{}, fmt.Errorf("%s is no Go program: %w", binary, err)
	}
	environment := []string{"CGO_ENABLED=0"}
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" {
			environment = append(environment, s.Key+"="+s.Value)
		}
	}
	build, err := Required("", environment, pkg)
	if err != nil {
		return Build{}, err
	}
	recorded := map[string]*debug.Module{Standard: {Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			return Build{},
				fmt.Errorf("%s is replaced by %s in %s: a replaced module has no licence and no sum to name", dep.Path,
					dep.Replace.Path, binary)
		}
		recorded[dep.Path] = dep
	}
	for i, m := range build.Modules {
		dep := recorded[m.Path]
		if dep == nil || dep.Version != m.Version {
			return Build{}, fmt.Errorf("%s was not built with %s %s: build it again", binary, m.Path, m.Version)
		}
		build.Modules[i].Sum = dep.Sum
	}
	if len(recorded) != len(build.Modules) {
		return Build{},
			fmt.Errorf("%s was built with %d modules, go.mod names %d: build it again", binary, len(recorded),
				len(build.Modules))
	}
	return build, nil
}

// Required lists the modules of packages: args are the flags (-test for what tests need) and patterns of go list.
// Folder is where the go command runs, empty means here; environment is added to the process's.
func Required(folder string, environment []string, args ...string) (Build, error) {
	out, err := goCommand(folder, environment,
		append([]string{"list", "-deps", "-json=ImportPath,Imports,Standard,Module"}, args...)...)
	if err != nil {
		return Build{}, err
	}
	goes, err := goCommand(folder, environment, "env", "GOROOT", "GOVERSION")
	if err != nil {
		return Build{}, err
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(goes)), "\n")
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return Build{}, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
	return gather(packages, Module{Path: Standard, Version: strings.TrimPrefix(version, "go"), Dir: root}), nil
}

// gather sorts packages by module.
func gather(packages []listed, standard Module) Build {
	owner := map[string]string{} // of a package; empty: the main module
	modules := map[string]Module{"": {}, Standard: standard}
	for _, p := range packages {
		switch {
		case p.Standard:
			owner[p.ImportPath] = Standard
		case p.Module != nil && !p.Module.Main:
			owner[p.ImportPath] = p.Module.Path
			modules[p.Module.Path] = Module{Path: p.Module.Path, Version: p.Module.Version, Dir: p.Module.Dir}
		}
	}
	for _, p := range packages {
		m := modules[owner[p.ImportPath]]
		for _, imported := range p.Imports {
			// The standard library's own copies of golang.org/x packages are part of it.
			if other := owner[imported]; m.Path != Standard && other != "" && other != m.Path &&
				!slices.Contains(m.Needs, other) {
				m.Needs = append(m.Needs, other)
			}
		}
		slices.Sort(m.Needs)
		modules[m.Path] = m
	}
	build := Build{Needs: modules[""].Needs}
	delete(modules, "")
	build.Modules = slices.SortedFunc(maps.Values(modules), func(a, b Module) int {
		return cmp.Compare(a.Path, b.Path)
	})
	return build
}

// goCommand runs the go command and gives what it prints; its error has what it complains of.
func goCommand(folder string, environment []string, args ...string) ([]byte, error) {
	command := exec.Command("go", args...)
	command.Dir, command.Env = folder, append(os.Environ(), environment...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out, nil
}

// Command vulncheck looks for known vulnerabilities that the program reaches. A finding fails, and so does in CI a
// check that was not made. Run it at the root of the repository; its arguments go to govulncheck. The database of
// vulnerabilities comes as a module, from where all other modules come from, so that it can be had wherever the program
// can be built. It is as old as the version that is pinned here: -db https://vuln.go.dev asks for the newest instead.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// pinned is the database's module; `go list -m golang.org/x/vulndb@latest` names the newest. Nothing of it is linked or
// passed on.
const pinned = "golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018"

func main() {
	root, err := os.Getwd()
	if err == nil {
		err = run(os.Stdout, root, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "vulncheck: %v\n", err)
		os.Exit(1)
	}
}

// run makes the database, unless the flags name one, and asks govulncheck about the program at root.
func run(w io.Writer, root string, flags []string) error {
	if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "db") }) {
		source, at, err := fetch()
		if err != nil && os.Getenv("CI") == "true" {
			return fmt.Errorf("nothing was checked: %w", err)
		} else if err != nil {
			_, err := fmt.Fprintf(w, "govulncheck: NOT RUN, there is no database: %v\n", err)
			return err
		}
		folder := filepath.Join(root, "build", "vulnerabilities")
		entries, err := database(filepath.Join(source, "data", "osv"), folder, at)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "govulncheck, by the %d entries of %s:\n", entries,
			at.Format(time.DateOnly)); err != nil {
			return err
		}
		flags = append([]string{"-db", (&url.URL{Scheme: "file", Path: filepath.ToSlash(folder)}).String()}, flags...)
	}
	check := goCommand(append(append([]string{"tool", "-modfile=tools/go.mod", "govulncheck"}, flags...), "./...")...)
	check.Dir, check.Stdout, check.Stderr = root, w, w
	if err := check.Run(); err != nil {
		return fmt.Errorf("govulncheck: %w", err)
	}
	return nil
}

// fetch gives the folder of the pinned module, and the time of its commit.
func fetch() (folder string, at time.Time, err error) {
	var said strings.Builder
	download := goCommand("mod", "download", "-json", pinned)
	download.Stderr = &said
	out, ran := download.Output()
	var module struct{ Dir, Info, Error string }
	if err := json.Unmarshal(out, &module); err != nil || ran != nil || module.Error != "" {
		return "", time.Time{}, fmt.Errorf("%s was not to be had: %v: %s%s", pinned, ran, module.Error, said.String())
	}
	var info struct{ Time time.Time }
	body, err := os.ReadFile(module.Info)
	if err == nil {
		err = json.Unmarshal(body, &info)
	}
	return module.Dir, info.Time, err
}

// goCommand is the go command that GO names.
func goCommand(args ...string) *exec.Cmd {
	name := os.Getenv("GO")
	if name == "" {
		name = "go"
	}
	return exec.Command(name, args...)
}

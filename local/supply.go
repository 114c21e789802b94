package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"cordon/local/sbom"
)

// deployed is the package of the program that is deployed.
const deployed = "./handler"

func sbomCommand() *cobra.Command {
	var version string
	c := &cobra.Command{
		Use:   "sbom BINARY FOLDER",
		Short: "Write sbom.cdx.json and licenses.txt of a built handler into a folder",
		Args:  cobra.ExactArgs(2),
		Long: "Writes the bill of materials (CycloneDX JSON) and the licence texts of the modules that the linker " +
			"put into the\n" +
			"binary. Run it at the root of the repository. Exit code 1: the binary does not fit go.mod, or a " +
			"licence is missing or unknown.",
		Example: "  local sbom --version v1.2.0 build/stage/cordon build/stage",
		RunE: func(_ *cobra.Command, args []string) error {
			build, err := sbom.Linked(args[0], deployed)
			if err != nil {
				return err
			}
			if err := into(filepath.Join(args[1], "sbom.cdx.json"), func(w io.Writer) error {
				return sbom.Write(w, "cordon", version, build)
			}); err != nil {
				return err
			}
			return into(filepath.Join(args[1], "licenses.txt"), func(w io.Writer) error {
				return sbom.WriteTexts(w, "cordon", build)
			})
		},
	}
	c.Flags().StringVar(&version, "version", "dev", "version of the handler")
	return c
}

// into writes a file; one that could not be written completely is an error.
func into(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return cmp.Or(write(file), file.Close())
}

func licensesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "licenses",
		Short: "List the licence of every Go module that is used, and refuse those without commercial use",
		Args:  cobra.NoArgs,
		Long: "Lists the modules of the deployed program, of the tests and stand-ins, and of the tools that lint " +
			"runs, each with its\n" +
			"licence. Run it at the root of the repository. Exit code 1: a licence is missing, unknown, or does not " +
			"permit commercial\n" +
			"use. The Node packages that only tests start, of the storage emulator and of the parser of queries, " +
			"are not listed.",
		Example: "  local licenses",
		RunE:    func(c *cobra.Command, _ []string) error { return listLicences(c.OutOrStdout()) },
	}
}

// listLicences writes one line per module and version, under the first of its uses.
func listLicences(w io.Writer) error {
	linux := []string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"}
	seen := map[string]bool{}
	var problems []error
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, use := range []struct {
		name, folder string
		environment  []string
		args         []string
	}{
		{"deployed", "", linux, []string{deployed}}, {"tests", "", nil, []string{"-test", "./..."}},
		{"tools", "tools", nil, []string{"-test", "tool", "./..."}},
	} {
		build, err := sbom.Required(use.folder, use.environment, use.args...)
		if err != nil {
			return err
		}
		for _, m := range build.Modules {
			if seen[m.Path+"@"+m.Version] {
				continue
			}
			seen[m.Path+"@"+m.Version] = true
			licence, err := sbom.LicenceOf(m)
			if err != nil {
				problems = append(problems, err)
			} else if err := licence.Permits(); err != nil {
				problems = append(problems, fmt.Errorf("%s %s: %w", m.Path, m.Version, err))
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", use.name, m.Path, m.Version, strings.Join(licence.IDs, ", "))
		}
	}
	return errors.Join(append([]error{table.Flush()}, problems...)...)
}

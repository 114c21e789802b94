package sbom

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

const handler = "cordon/handler"

// binary builds the handler as it is deployed.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cordon")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, handler)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func TestTheBillNamesExactlyWhatTheLinkerPutIn(t *testing.T) {
	t.Parallel()
	path := binary(t)
	build, err := Linked(path, handler)
	if err != nil {
		t.Fatal(err)
	}
	var written, again bytes.Buffer
	if err := Write(&written, "cordon", "v1.2.3", build); err != nil {
		t.Fatal(err)
	}
	if err := Write(&again, "cordon", "v1.2.3", build); err != nil || written.String() != again.String() {
		t.Errorf("the same program has two bills: %v", err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(&written, cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"std " + strings.TrimPrefix(info.GoVersion, "go") + " "}
	for _, dep := range info.Deps {
		want = append(want, dep.Path+" "+dep.Version+" "+dep.Sum)
	}
	var got, refs []string
	for _, c := range *bom.Components {
		sum := ""
		if c.Properties != nil {
			sum = (*c.Properties)[0].Value
		}
		got, refs = append(got, c.Name+" "+c.Version+" "+sum), append(refs, c.BOMRef)
		if len(*c.Licenses) == 0 || (*c.Licenses)[0].License.ID == "" {
			t.Errorf("%s has no licence", c.Name)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(got))); diff != "" {
		t.Error(diff)
	}
	checkGraph(t, bom, refs)
}

// checkGraph wants every component once in the graph, and every edge to end at a component.
func checkGraph(t *testing.T, bom cdx.BOM, refs []string) {
	t.Helper()
	var from []string
	for _, d := range *bom.Dependencies {
		from = append(from, d.Ref)
		if d.Dependencies == nil {
			continue // the standard library
		}
		for _, to := range *d.Dependencies {
			if !slices.Contains(refs, to) {
				t.Errorf("%s depends on %s, which is no component", d.Ref, to)
			}
		}
	}
	root := bom.Metadata.Component
	if diff := cmp.Diff(slices.Sorted(slices.Values(append([]string{root.BOMRef}, refs...))),
		slices.Sorted(slices.Values(from))); diff != "" {
		t.Error(diff)
	}
	direct := *(*bom.Dependencies)[0].Dependencies
	if root.Version != "v1.2.3" || len(direct) < 5 || len(direct) >= len(refs) {
		t.Errorf("the program is %s %s and depends on %v", root.Name, root.Version, direct)
	}
}

func TestBinaryThatDoesNotFitTheSourcesIsRefused(t *testing.T) {
	t.Parallel()
	own, err := os.Executable() // built from other packages than the handler
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Linked(own, handler); err == nil || !strings.Contains(err.Error(), "build it again") {
		t.Errorf("another program: %v", err)
	}
	if _, err := Linked("sbom_test.go", handler); err == nil || !strings.Contains(err.Error(), "is no Go program") {
		t.Errorf("no program: %v", err)
	}
}

func TestTheLicenceTextsOfAllModulesGoAlong(t *testing.T) {
	t.Parallel()
	build, err := Required("", nil, handler)
	if err != nil {
		t.Fatal(err)
	}
	var texts bytes.Buffer
	if err := WriteTexts(&texts, "cordon", build); err != nil {
		t.Fatal(err)
	}
	for _, m := range build.Modules {
		if !strings.Contains(texts.String(), "\n"+m.Path+" "+m.Version+" (") {
			t.Errorf("%s is missing", m.Path)
		}
	}
	for _, text := range []string{
		"Copyright (c) Microsoft Corporation", "Copyright 2009 The Go Authors", "Apache License",
	} {
		if !strings.Contains(texts.String(), text) {
			t.Errorf("%q is missing", text)
		}
	}
}

func TestWhatHasNoLicenceForCommercialUseIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		ids   string
		wrong string
	}{
		"permitted":           {map[string]string{"LICENSE": mit, "readme.md": "x"}, "MIT", ""},
		"two, both permitted": {map[string]string{"LICENSE-MIT": mit, "licence.txt": isc}, "ISC,MIT", ""},
		"with a notice":       {map[string]string{"COPYING.md": mit, "NOTICE": "Made by example."}, "MIT", ""},
		"one does not permit": {
			map[string]string{"LICENSE": mit, "LICENSE-data": notEvil}, "JSON,MIT", "JSON is not one of those",
		},
		"none":        {map[string]string{"readme.md": "MIT"}, "", "has no licence file"},
		"only source": {map[string]string{"license.go": "package license"}, "", "has no licence file"},
		"unknown": {
			map[string]string{"LICENSE": "You may read this on Sundays, if it does not rain and nobody is looking."},
			"", "known licence",
		},
		"a known one, enlarged": {
			map[string]string{"LICENSE": mit +
				strings.Repeat("Except for companies, which have to ask the author first and pay what he says. ", 9)},
			"", "known licence",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Module{Path: "example.com/m", Version: "v1.0.0", Dir: t.TempDir()}
			for file, text := range c.files {
				if err := os.WriteFile(filepath.Join(m.Dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			licence, err := LicenceOf(m)
			if err == nil {
				err = licence.Permits()
			}
			if got := strings.Join(licence.IDs, ","); got != c.ids {
				t.Errorf("licences %s, want %s", got, c.ids)
			}
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("err = %v, want %q", err, c.wrong)
			}
			if c.files["NOTICE"] != "" && !slices.Contains(licence.Texts, c.files["NOTICE"]) {
				t.Error("the notice does not go along")
			}
		})
	}
	if _, err := LicenceOf(Module{Path: "example.com/m", Version: "v1.0.0"}); err == nil ||
		!strings.Contains(err.Error(), "go mod download") {
		t.Errorf("not in the cache: %v", err)
	}
}

const grant = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.
`

const warranty = `
THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

const (
	mit     = "MIT License\n\nCopyright (c) 2026 Example\n\n" + grant + warranty
	notEvil = "The JSON License\n\nCopyright (c) 2002 Example\n\n" + grant +
		"\nThe Software shall be used for Good, not Evil.\n" + warranty
	isc = `ISC License

Copyright (c) 2026 Example

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`
)

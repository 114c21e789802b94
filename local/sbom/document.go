package sbom

import (
	"fmt"
	"io"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// Write writes the bill of materials of a program as CycloneDX JSON ("CycloneDX Specification Overview", 1.6). It has
// no serial number and no time, so that the same sources give the same file.
func Write(w io.Writer, name, version string, build Build) error {
	root := purl(name, version)
	refs := map[string]string{}
	for _, m := range build.Modules {
		refs[m.Path] = purl(m.Path, m.Version)
	}
	depends := func(ref string, needs []string) cdx.Dependency {
		on := make([]string, 0, len(needs))
		for _, path := range needs {
			on = append(on, refs[path])
		}
		return cdx.Dependency{Ref: ref, Dependencies: &on}
	}
	components := make([]cdx.Component, 0, len(build.Modules))
	dependencies := []cdx.Dependency{depends(root, build.Needs)}
	for _, m := range build.Modules {
		component, err := componentOf(m)
		if err != nil {
			return err
		}
		components, dependencies = append(components, component), append(dependencies, depends(refs[m.Path], m.Needs))
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &cdx.Component{
		BOMRef:  root,
		Type:    cdx.ComponentTypeApplication,
		Name:    name,
		Version: version,
	}}
	bom.Components, bom.Dependencies = &components, &dependencies
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom,
		cdx.SpecVersion1_6)
}

func componentOf(m Module) (cdx.Component, error) {
	licence, err := LicenceOf(m)
	if err != nil {
		return cdx.Component{}, err
	}
	var licences cdx.Licenses
	for _, id := range licence.IDs {
		licences = append(licences, cdx.LicenseChoice{License: &cdx.License{ID: id}})
	}
	c := cdx.Component{
		BOMRef:     purl(m.Path, m.Version),
		Type:       cdx.ComponentTypeLibrary,
		Name:       m.Path,
		Version:    m.Version,
		PackageURL: purl(m.Path, m.Version),
		Licenses:   &licences,
		Scope:      cdx.ScopeRequired,
	}
	if m.Sum != "" {
		c.Properties = &[]cdx.Property{{Name: "go.sum", Value: m.Sum}}
	}
	return c, nil
}

// purl is the package URL of a Go module ("package-url: golang type"): the path in lower case as it stands.
func purl(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// WriteTexts writes the licence of every module as it is, which is what most of them ask of whoever passes a program
// on.
func WriteTexts(w io.Writer, name string, build Build) error {
	if _, err := fmt.Fprintf(w,
		"%s is built from the modules below, which stand under the licences that follow each name.\n",
		name); err != nil {
		return err
	}
	for _, m := range build.Modules {
		licence, err := LicenceOf(m)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "\n%s\n%s %s (%s)\n\n%s\n", strings.Repeat("=", 100), m.Path, m.Version,
			strings.Join(licence.IDs, ", "),
			strings.TrimSpace(strings.Join(licence.Texts, "\n\n")))
		if err != nil {
			return err
		}
	}
	return nil
}

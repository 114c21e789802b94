package sbom

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// enough is how much of a licence file has to be text of known licences, in percent. The rest are names and years.
const enough = 75

// Licence is what a module may be used under.
type Licence struct {
	IDs   []string // SPDX identifiers, sorted; all of them hold
	Texts []string // the licence files and, for Apache-2.0, the notices, as they are
}

// permitted are the licences under which the product may be used and sold, changed or not, by its SPDX identifiers.
// MPL-2.0 asks that changes to its own files be published; they are used as they are.
func permitted() []string {
	return []string{
		"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unlicense", "Zlib",
	}
}

// LicenceOf reads the licence files at the root of a module. A module without one, or with text that is no known
// licence, is an error: nobody may use what has no licence.
func LicenceOf(m Module) (Licence, error) {
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return Licence{},
			fmt.Errorf("%s %s is not in the module cache: %w; run go mod download", m.Path, m.Version, err)
	}
	file := regexp.MustCompile(`(?i)^(licen[cs]es?|copying|unlicense)([-_][a-z0-9-]+)?(\.txt|\.md|\.rst)?$`)
	notice := regexp.MustCompile(`(?i)^notice(\.txt|\.md)?$`)
	var licence Licence
	var notices []string
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !file.MatchString(name) && !notice.MatchString(name) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, name))
		if err != nil {
			return Licence{}, err
		}
		if notice.MatchString(name) {
			notices = append(notices, string(text))
			continue
		}
		ids, err := recognise(text)
		if err != nil {
			return Licence{}, fmt.Errorf("%s %s: %s: %w", m.Path, m.Version, name, err)
		}
		licence.IDs = append(licence.IDs, ids...)
		licence.Texts = append(licence.Texts, string(text))
	}
	if len(licence.IDs) == 0 {
		return Licence{},
			fmt.Errorf("%s %s has no licence file in %s: without one it may not be used", m.Path, m.Version, m.Dir)
	}
	slices.Sort(licence.IDs)
	licence.IDs, licence.Texts = slices.Compact(licence.IDs), append(licence.Texts, notices...)
	return licence, nil
}

// recognise gives the licences that a text consists of.
func recognise(text []byte) ([]string, error) {
	found := licensecheck.Scan(text)
	if found.Percent < enough || len(found.Match) == 0 {
		return nil,
			fmt.Errorf("only %.0f %% of it is the text of a known licence: read it, and do without the module if it "+
				"does not permit commercial use", found.Percent)
	}
	var ids []string
	for _, m := range found.Match {
		if m.IsURL {
			continue // a text that points at a licence beside the text of one
		}
		ids = append(ids, m.ID)
	}
	if len(ids) == 0 {
		return nil, errors.New("it only names a licence: its text is missing")
	}
	return ids, nil
}

// Permits is nil if a licence permits commercial use, else it names what does not.
func (l Licence) Permits() error {
	for _, id := range l.IDs {
		if !slices.Contains(permitted(), id) {
			return fmt.Errorf("its licence %s is not one of those that permit commercial use: %s", id,
				strings.Join(permitted(), ", "))
		}
	}
	return nil
}

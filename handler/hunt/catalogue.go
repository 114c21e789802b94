package hunt

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cordon/handler/incoming"
)

// Catalogue is the checked hunts of a folder, by their names. It is immutable.
type Catalogue struct{ hunts []*Hunt }

// maxHunts bounds a catalogue.
const maxHunts = 200

// Load reads every .kql file of a folder, whose name is for the messages. A folder that does not exist is an empty
// catalogue. An *Error lists everything that is wrong; any other error is that of the file system.
func Load(files fs.FS, folder string) (*Catalogue, error) {
	entries, err := fs.ReadDir(files, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return &Catalogue{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("hunts: %w", err)
	}
	c, wrong := &Catalogue{}, &Error{}
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".kql" {
			continue
		}
		body, err := incoming.FileIn(files, e.Name())
		if err != nil {
			return nil, fmt.Errorf("hunts: %w", err)
		}
		h, problems := Parse(path.Join(folder, e.Name()), body)
		wrong.Problems = append(wrong.Problems, problems...)
		if h == nil {
			continue
		}
		other, taken := c.Find(h.Name)
		if taken {
			wrong.Problems = append(wrong.Problems, Problem{
				File:    h.File,
				Line:    1,
				Message: fmt.Sprintf("the name %s is taken by %s", h.Name, other.File),
				Hint:    "every hunt has a name of its own: what was seen is remembered by it",
			})
			continue
		}
		c.hunts = append(c.hunts, h)
	}
	if len(c.hunts) > maxHunts {
		wrong.Problems = append(wrong.Problems, Problem{
			File:    folder,
			Line:    1,
			Message: fmt.Sprintf("there are %d hunts, the limit is %d", len(c.hunts), maxHunts),
			Hint:    "join some",
		})
	}
	if len(wrong.Problems) > 0 {
		wrong.sort()
		return nil, wrong
	}
	slices.SortFunc(c.hunts, func(a, b *Hunt) int {
		return strings.Compare(a.Name, b.Name)
	})
	return c, nil
}

// Hunts are all hunts by name.
func (c *Catalogue) Hunts() []*Hunt {
	return slices.Clone(c.hunts)
}

// Find looks a hunt up by its name.
func (c *Catalogue) Find(name string) (*Hunt, bool) {
	for _, h := range c.hunts {
		if h.Name == name {
			return h, true
		}
	}
	return nil, false
}

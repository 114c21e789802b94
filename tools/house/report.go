package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// What is wanted. A share is of code lines.
const (
	wantedColumns  = 120
	mostColumns    = 140
	longShare      = 0.005
	wantedTokens   = 6.6
	wantedPackage  = 1500
	wantedFile     = 400
	wantedFunction = 60
	wantedUpward   = 10
)

// report writes the figures of a tree without its tests, and the worst of each kind.
func report(w io.Writer, root string, worst int) error {
	files, err := readFiles(root)
	if err != nil {
		return err
	}
	folders, err := readArrows(root)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f file) bool { return f.tests })
	var sum file
	packages, lengths := map[string]int{}, []offender{}
	for _, f := range files {
		sum.add(f)
		packages[filepath.Dir(f.path)] += f.lines
		lengths = append(lengths, offender{f.path, f.lines})
	}
	arrows, up, upward := 0, []offender{}, 0
	for _, one := range folders {
		arrows += one.arrows
		upward += len(one.upward)
		for _, a := range one.upward {
			up = append(up, offender{one.name + ": " + a.from + " -> " + a.to, 1})
		}
	}
	sizes := []offender{}
	for name, n := range packages {
		sizes = append(sizes, offender{name, n})
	}
	over140 := overWidth(sum.long, mostColumns)
	fmt.Fprintf(w, "%-46s %10s   %s\n", "what", "is", "wanted")
	row := func(what, is, wanted string) { fmt.Fprintf(w, "%-46s %10s   %s\n", what, is, wanted) }
	row("tokens", fmt.Sprint(sum.tokens), "")
	row("tokens a line", fmt.Sprintf("%.2f", ratio(sum.tokens, sum.code)), fmt.Sprintf("<= %.1f", wantedTokens))
	row("lines over 120 columns", fmt.Sprintf("%.2f %%", 100*ratio(len(sum.long), sum.code)),
		fmt.Sprintf("< %.1f %%", 100*longShare))
	row("lines over 140 columns", fmt.Sprint(over140), "0")
	row("largest package, lines", fmt.Sprint(largest(sizes)), fmt.Sprintf("<= %d", wantedPackage))
	row("files over 400 lines", fmt.Sprint(overWidth(lengths, wantedFile)), "0")
	row("functions over 60 lines", fmt.Sprint(overWidth(sum.funcs, wantedFunction)), "0")
	row("function length, p50 and p90", fmt.Sprintf("%d %d", percentile(sum.funcs, 50), percentile(sum.funcs, 90)), "")
	row("comment lines per 100 code lines", fmt.Sprintf("%.0f", 100*ratio(sum.comments, sum.code)), "")
	row("exported names with a comment", fmt.Sprintf("%.1f %%", 100-100*ratio(len(sum.undoced), sum.exported)), "")
	row("calls between files of a folder, and upward", fmt.Sprintf("%d %d", arrows, upward),
		fmt.Sprintf("upward < %d", wantedUpward))
	list(w, "packages", sizes, worst, wantedPackage)
	list(w, "files", lengths, worst, wantedFile)
	list(w, "functions", sum.funcs, worst, wantedFunction)
	list(w, "lines", sum.long, worst, wantedColumns)
	list(w, "upward calls", up, worst, 0)
	return nil
}

func (f *file) add(g file) {
	f.lines += g.lines
	f.code += g.code
	f.comments += g.comments
	f.tokens += g.tokens
	f.exported += g.exported
	f.long = append(f.long, g.long...)
	f.funcs = append(f.funcs, g.funcs...)
	f.undoced = append(f.undoced, g.undoced...)
}

func ratio(part, whole int) float64 { return float64(part) / float64(max(whole, 1)) }

func overWidth(all []offender, limit int) int {
	n := 0
	for _, o := range all {
		if o.figure > limit {
			n++
		}
	}
	return n
}

func largest(all []offender) int {
	most := 0
	for _, o := range all {
		most = max(most, o.figure)
	}
	return most
}

func percentile(all []offender, p int) int {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b offender) int { return cmp.Compare(a.figure, b.figure) })
	return sorted[(len(sorted)-1)*p/100].figure
}

// list writes the worst that are beyond a limit.
func list(w io.Writer, what string, all []offender, n, limit int) {
	all = slices.DeleteFunc(slices.Clone(all), func(o offender) bool { return o.figure <= limit })
	if len(all) == 0 || n == 0 {
		return
	}
	slices.SortFunc(all, func(a, b offender) int {
		return cmp.Or(cmp.Compare(b.figure, a.figure), cmp.Compare(a.place, b.place))
	})
	fmt.Fprintf(w, "\n%s, the worst of %d:\n", what, len(all))
	for _, o := range all[:min(n, len(all))] {
		fmt.Fprintf(w, "  %6d  %s\n", o.figure, o.place)
	}
}

// checkLines fails if a line has more than 140 columns, or too many have more than 120.
func checkLines(w io.Writer, root string) error {
	files, err := readFiles(root)
	if err != nil {
		return err
	}
	var sum file
	for _, f := range files {
		sum.add(f)
	}
	tooLong := slices.DeleteFunc(slices.Clone(sum.long), func(o offender) bool { return o.figure <= mostColumns })
	list(w, "lines of more than 140 columns", tooLong, len(tooLong), mostColumns)
	if share := ratio(len(sum.long), sum.code); share >= longShare {
		list(w, "lines of more than 120 columns", sum.long, 50, wantedColumns)
		return fmt.Errorf("%.2f %% of all lines have more than %d columns; less than %.1f %% may", 100*share,
			wantedColumns, 100*longShare)
	}
	if len(tooLong) > 0 {
		return fmt.Errorf("%d lines have more than %d columns", len(tooLong), mostColumns)
	}
	return nil
}

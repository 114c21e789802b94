// Command house measures how pleasant the code is to stay in: how much stands on a line, how long lines, functions,
// files and packages are, how much is commented, and how often files of one folder call back up to a file that calls
// them. It prints the figures beside what is wanted, and the worst offenders.
//
//	house [-n 10] [-check] [FOLDER]
//
// FOLDER is a tree of packages, "." by default. Tests and generated files are left out. With -check the command prints
// only lines that are too long, tests included, and exits with 1 if there is one or too many.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	worst := flag.Int("n", 10, "how many of the worst to list of each kind")
	check := flag.Bool("check", false, "only the length of lines, of tests too; exit with 1 if a line is too long")
	flag.Parse()
	folder := "."
	if flag.NArg() > 0 {
		folder = flag.Arg(0)
	}
	var err error
	if *check {
		err = checkLines(os.Stdout, folder)
	} else {
		err = report(os.Stdout, folder, *worst)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "house: %v\n", err)
		os.Exit(1)
	}
}

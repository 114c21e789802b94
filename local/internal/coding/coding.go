// Package coding reads which encodings of an answer a client takes.
package coding

import "strings"

// AcceptsGzip reports whether an Accept-Encoding header asks for gzip.
func AcceptsGzip(header string) bool {
	for one := range strings.SplitSeq(header, ",") {
		coding, parameters, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		if coding == "gzip" {
			quality, found := strings.CutPrefix(parameters, "q=")
			return !found || strings.Trim(quality, "0.") != ""
		}
	}
	return false
}

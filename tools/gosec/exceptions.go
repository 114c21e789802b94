package main

import "strings"

// exception says why a finding is none.
type exception struct {
	path string // the file, or a folder with a slash at its end
	rule string
	code string // part of the line; empty: any line of the path
	why  string
}

func (e exception) answers(path, rule, code string) bool {
	inside := path == e.path || strings.HasSuffix(e.path, "/") && strings.HasPrefix(path, e.path)
	return inside && rule == e.rule && strings.Contains(code, e.code)
}

// exceptions are narrow: what is deployed is excepted line by line, the stand-ins, which only a developer starts on his
// own machine, rule by rule. One that answers for nothing any more is told, and can be taken out.
func exceptions() []exception {
	return []exception{
		{
			"handler/", "G104",
			".Close()", "a connection or body that is given up: there is nothing to do about an error, and what was " +
				"to be sent has been",
		},
		{
			"handler/cli/session/programs.go", "G204",
			"exec.CommandContext(ctx, path, args...)", "the program is az, and what it is given are checked ids",
		},
		{
			"handler/cli/session/programs.go", "G204",
			"exec.Command(opener[0]", "it opens the address at the authority that the person confirmed",
		},
		{
			"handler/entra/certificate.go", "G304",
			"os.Open(path)", "CORDON_CLIENT_CERTIFICATE is one of the app's settings",
		},
		{
			"handler/entra/certificate.go", "G401",
			"sha1.Sum(leaf.Raw)", "the thumbprint as the portal shows it, for people to compare; nothing is " +
				"protected by it",
		},
		{"handler/entra/certificate.go", "G505", "", "see G401"},
		{
			"handler/entra/grant.go", "G704",
			"c.Client.Do(req)", "MSAL makes the request, to the address that the platform sets",
		},
		{
			"handler/defender/client.go", "G125",
			"JoinPath", "every id in the path has passed alert.CheckID, which leaves no dots or slashes",
		},
		{
			"handler/graph/alerts/client.go", "G125",
			"JoinPath", "every id in the path has passed alert.CheckID, which leaves no dots or slashes",
		},
		{
			"handler/httpretry/errors.go", "G704",
			"c.Do(req)", "the request is the caller's, and its transport sends tokens to one host only",
		},
		{
			"handler/incoming/incoming.go", "G304",
			"os.ReadFile(path)", "the file is named by the app's settings or on the command line, by whoever runs " +
				"the program",
		},
		{
			"handler/ledger/budget/reserve.go", "G115",
			"uint32(w.Rank)", "a rank is the place of one of a few severities, and the line above answers a " +
				"negative one",
		},
		{
			"handler/playbook/read/source/values.go", "G115",
			"", "both numbers are held between small bounds on the same line",
		},
		{
			"handler/signin/pages/cookie.go", "G124",
			"&http.Cookie{", "Secure is left out only over http, which CORDON_APP_URL may be on this computer only",
		},
		{"handler/queue/queue.go", "G115", "int32(o.Retries)", "a constant of the wiring"},
		{
			"handler/machine/code.go", "G115",
			"uint32(code)", "an HRESULT is 32 bits, shown as the vendor's tables show it",
		},
		{
			"handler/ledger/rows/range.go", "G115",
			"int32(n)+1", "a page has some hundred rows",
		},
		{"handler/ledger/latches/episodes.go", "G115", "int32(n)", "some dozens of episodes are read"},
		{"handler/ledger/runs/open.go", "G115", "int32(n)+1", "some dozens of runs are read"},
		{
			"handler/console/layout/functions.go", "G203",
			"template.HTML(fmt.Sprintf(", "a time: digits and signs, and what stands around them is escaped there",
		},
		{
			"handler/backtest/reach.go", "G115",
			"int32(", "there are some ten kinds of steps, and a bounded number of names",
		},
		{
			"handler/cli/backtest/sheet.go", "G602",
			"foreign[i-1]", "a format of ours has as many places as texts are given, or a test fails",
		},
		{
			"handler/cli/trial/test.go", "G306",
			"os.WriteFile(path", "a report that a build server reads, of cases that stand in a repository",
		},
		{
			"handler/incoming/incoming.go", "G304",
			"os.Open(path)", "it opens the file that a person named at a command",
		},
		{"handler/", "G404", "rand.N(", "it spreads retries and turns; nobody gains by guessing it"},

		{"local/", "G101", "", "the credentials of stand-ins open nothing, and names of properties are none"},
		{"local/", "G104", ".Close()", "as above"},
		{"local/", "G115", "", "stand-ins read and write numbers in the width and sign that the wire gives them"},
		{"local/", "G204", "", "a developer's command starts the program that the developer named"},
		{"local/", "G301", "", "folders of a local run hold nothing that is secret outside of it"},
		{"local/", "G304", "", "a developer's command reads and writes the files that the developer named"},
		{"local/", "G306", "", "files of a local run hold nothing that is secret outside of it"},
		{"local/", "G401", "", "SHA-1 makes ids that look like Defender's machine ids; nothing is protected by it"},
		{"local/", "G404", "", "a scenario has to be the same for the same seed"},
		{"local/", "G505", "", "see G401"},
		{
			"local/funchost/", "G704",
			"", "the host forwards requests to the handler's port on loopback, as the real one does",
		},
		{"local/funchost/route.go", "G602", "", "the line above returns at the path's end"},
		{
			"local/play.go", "G104",
			"UpdateAlert", "the scenario's alerts are there; one that were not is missed by the judge",
		},
	}
}

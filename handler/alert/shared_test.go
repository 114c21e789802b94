package alert

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// notShared are the fields that do not count in SharedHash, and why.
var notShared = map[string]string{
	"ID":                 "the same alert is compared",
	"Title":              "it does not change in an alert's life",
	"Description":        "Graph's is shorter in the samples",
	"Category":           "it does not change in an alert's life",
	"DetectionSource":    "Graph has members that Defender has no word for",
	"DetectorID":         "it does not change in an alert's life",
	"ThreatFamily":       "it does not change in an alert's life",
	"ThreatName":         "it does not change in an alert's life",
	"ComputerDNSName":    "the machine's id says it",
	"RBACGroupName":      "it is a fact of the machine and read there",
	"MitreTechniques":    "Graph lists fewer in the samples",
	"RelatedUser.Name":   "Graph relates no user to an alert",
	"RelatedUser.Domain": "Graph relates no user to an alert",
	"Created":            "a time calls for no new decision",
	"FirstEvent":         "a time calls for no new decision",
	"LastEvent":          "a time calls for no new decision",
	"Updated":            "a time calls for no new decision",
	"Resolved":           "a time calls for no new decision",
	"AssignedTo":         "who works on it calls for no new decision",
	"InvestigationState": "it moves all the time and calls for no new decision",
	"ServiceSource":      "where it was read is no news",
	"Source":             "where it was read is no news",
	"GraphID":            "where it was read is no news",
}

// sharedMembers are the members of evidence that count, by kind.
var sharedMembers = map[string]string{
	"File": "SHA1 SHA256 FileName FilePath DetectionStatus",
	"Process": "SHA1 SHA256 FileName FilePath DetectionStatus ProcessID CommandLine ParentProcessID ParentFileName " +
		"ParentFilePath",
	"User":     "AccountName DomainName UserSID AADUserID UPN",
	"Ip":       "IPAddress",
	"Url":      "URL",
	"Registry": "RegistryKey RegistryHive RegistryValueType RegistryValue",
	"Mailbox":  "", // a kind that only Graph has
}

// set gives a field another value.
func set(field reflect.Value, to string) {
	switch field.Kind() {
	case reflect.String:
		field.SetString(to)
	case reflect.Int64:
		field.SetInt(int64(len(to)) + 70)
	case reflect.Slice:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	default:
		field.Set(reflect.ValueOf(time.Unix(int64(len(to)), 0)))
	}
}

func TestWhatBothSourcesTellCountsAndNothingElse(t *testing.T) {
	t.Parallel()
	was := SharedHash(Alert{})
	var seen []string
	try := func(name string, field func(*Alert) reflect.Value) {
		seen = append(seen, name)
		var a Alert
		f := field(&a)
		if set(f, "another"); name == "Evidence" {
			a.Evidence[0].Kind = "Ip"
		}
		reason := notShared[name]
		if counts := SharedHash(a) != was; counts == (reason != "") {
			t.Errorf("%s counts: %t, though: %q", name, counts, reason)
		}
	}
	for i := range reflect.TypeFor[Alert]().NumField() {
		f := reflect.TypeFor[Alert]().Field(i)
		if f.Type != reflect.TypeFor[User]() {
			try(f.Name, func(a *Alert) reflect.Value { return reflect.ValueOf(a).Elem().Field(i) })
			continue
		}
		for j := range f.Type.NumField() {
			try(f.Name+"."+f.Type.Field(j).Name,
				func(a *Alert) reflect.Value { return reflect.ValueOf(a).Elem().Field(i).Field(j) })
		}
	}
	for name := range notShared {
		if !slices.Contains(seen, name) {
			t.Errorf("there is no field %s", name)
		}
	}
}

func TestOnlyMembersOfTheirKindCountInSharedEvidence(t *testing.T) {
	t.Parallel()
	for kind, members := range sharedMembers {
		was := SharedHash(Alert{Evidence: []Evidence{{Kind: kind}}})
		for i := range reflect.TypeFor[Evidence]().NumField() {
			name := reflect.TypeFor[Evidence]().Field(i).Name
			if name == "Kind" {
				continue
			}
			e := Evidence{Kind: kind}
			set(reflect.ValueOf(&e).Elem().Field(i), "another")
			want := slices.Contains(strings.Fields(members), name)
			if got := SharedHash(Alert{Evidence: []Evidence{e}}) != was; got != want {
				t.Errorf("%s of a %s counts: %t, want %t", name, kind, got, want)
			}
		}
	}
}

func TestSpellingAndOrderAreNoNews(t *testing.T) {
	t.Parallel()
	file := Evidence{Kind: "File", SHA1: "AB", FileName: "A.EXE", FilePath: `C:\TEMP`, DetectionStatus: "Prevented"}
	ip := Evidence{Kind: "Ip", IPAddress: "2001:DB8::1"}
	a := Alert{
		Severity:      High,
		Status:        StatusNew,
		Determination: "Clean",
		MachineID:     "AB12",
		Evidence:      []Evidence{file, ip},
	}
	b := Alert{
		Severity:       "high",
		Status:         "new",
		Classification: "Unknown",
		Determination:  "NotMalicious",
		MachineID:      "ab12",
		Evidence: []Evidence{
			{Kind: "Mailbox"},
			{Kind: "Ip", IPAddress: "2001:db8::1"},
			{Kind: "File", SHA1: "ab", FileName: "a.exe", FilePath: `c:\temp`, DetectionStatus: "prevented"},
		},
	}
	if SharedHash(a) != SharedHash(b) {
		t.Error("another spelling or order is taken for news")
	}
	if SharedHash(Alert{}) != SharedHash(Alert{Severity: UnSpecified, Status: StatusUnknown}) {
		t.Error("nothing said is not the same as unknown")
	}
	url := func(s string) Alert { return Alert{Evidence: []Evidence{{Kind: "Url", URL: s}}} }
	if SharedHash(url("http://a/B")) == SharedHash(url("http://a/b")) {
		t.Error("the case of an address counts nowhere")
	}
}

package odata

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// row has one property of each kind that the tests ask for.
func row(name string) any {
	return map[string]any{"Name": "o'neil", "N": int64(5), "Tags": []string{"VIP", "lab"}}[name]
}

// bare takes comparisons and nothing else.
func bare() Service {
	return Service{
		Property: func(name string) (Type, error) {
			if types := map[string]Type{"Name": Text, "N": Number, "Tags": Texts, "Gone": Text}; types[name] != "" {
				return types[name], nil
			}
			return "", Refuse("no %s", name)
		},
		Literal: func(text string) (any, bool) {
			n, err := strconv.ParseInt(text, 10, 64)
			return n, err == nil
		},
	}
}

func TestAServiceTakesOnlyWhatItsOptionsSay(t *testing.T) {
	t.Parallel()
	options := map[string]func(*Service){
		"null":        func(s *Service) { s.Null = true },
		"either side": func(s *Service) { s.EitherSide = true },
		"loose not":   func(s *Service) { s.LooseNot = true },
		"functions":   func(s *Service) { s.Functions = true },
		"typed": func(s *Service) {
			s.Typed = map[string]func(string) (any, bool){"number": s.Literal}
		},
		"comparisons": func(s *Service) { s.MaxComparisons = 1 },
		"nodes":       func(s *Service) { s.MaxNodes = 6 },
	}
	for filter, only := range map[string]string{
		"Name eq 'o''neil'":               "bare",
		"not (N gt 5) and Name ne ''":     "bare",
		"Name eq null":                    "null",
		"5 le N":                          "either side",
		"not N eq 6":                      "loose not",
		"Name in ('x','o''neil')":         "functions",
		"startswith(Name,'o''n')":         "functions",
		"Tags/any(tag: tag eq 'VIP')":     "functions",
		"N eq number'5'":                  "typed",
		"Name eq number'5'":               "",
		"Tags eq 'VIP'":                   "",
		"5 le 6":                          "",
		"Other eq 'x'":                    "",
		"N eq 5 or Name eq 'x\"' )":       "",
		strings.Repeat("not ", 99) + "()": "",
	} {
		_, err := bare().Parse(filter)
		if taken := only == "bare"; (err == nil) != taken {
			t.Errorf("%s: taken %t without options: %v", filter, err == nil, err)
		}
		for name, set := range options {
			s := bare()
			set(&s)
			bounded := only == "bare" && strings.Contains(filter, " and ") && (name == "comparisons" || name == "nodes")
			if _, err := s.Parse(filter); (err == nil) != (only == name || only == "bare" && !bounded) {
				t.Errorf("%s: taken %t with %s alone: %v", filter, err == nil, name, err)
			}
		}
	}
}

func TestAPropertyWithoutAValueIsNullOrNothing(t *testing.T) {
	t.Parallel()
	for filter, holds := range map[string][]bool{ // where null is a value, and where it is not
		"Gone eq 'x'":       {false, false},
		"Gone ne 'x'":       {true, false},
		"Gone lt 'x'":       {false, false},
		"not (Gone ne 'x')": {false, true},
		"Name ne 'x'":       {true, true},
	} {
		for i, null := range []bool{true, false} {
			s := bare()
			s.Null = null
			parsed, err := s.Parse(filter)
			if err != nil {
				t.Fatal(err)
			}
			if got := parsed.Holds(row); got != holds[i] {
				t.Errorf("%s holds %t, with null %t", filter, got, null)
			}
		}
	}
}

func FuzzAFilterIsSureOfItself(f *testing.F) {
	for _, seed := range []string{
		"Name eq 'x' and not (N in (4,5)) or startswith(Name,'o')", "5 gt N",
		"Tags/any(x:x ne 'lab')", "N eq number'5'",
		"'", "((", "not", "Name eq null", "\xff", "N ge -5", "é eq 1", "N eq number'",
	} {
		f.Add(seed)
	}
	s := bare()
	s.Null, s.EitherSide, s.LooseNot, s.Functions = true, true, true, true
	s.Typed = map[string]func(string) (any, bool){"number": s.Literal}
	f.Fuzz(func(t *testing.T, filter string) {
		parsed, err := s.Parse(filter)
		if (parsed == nil) != (err != nil || strings.Trim(filter, " \t\r\n") == "") {
			t.Fatalf("%q: %v, %v", filter, parsed, err)
		}
		if parsed == nil {
			return
		}
		negated, err := s.Parse("not (" + filter + ")")
		if err != nil && !strings.Contains(err.Error(), "Recursion") {
			t.Fatalf("%q is taken, in parentheses it is not: %v", filter, err)
		}
		if negated != nil && negated.Holds(row) == parsed.Holds(row) {
			t.Fatalf("%q holds as its opposite does", filter)
		}
	})
}

func TestAQuoteInsideATextIsDoubled(t *testing.T) {
	t.Parallel()
	for from, want := range map[string][]string{
		"'a''b',c": {"a'b", ",c"}, "''": {"", ""}, "''''x": {"'", "x"}, "'a": nil, "a'": nil, "": nil, "'a''": nil,
	} {
		text, rest, closed := Quoted(from)
		if closed != (want != nil) || closed && !slices.Equal(want, []string{text, rest}) {
			t.Errorf("%s: %q, %q, %t", from, text, rest, closed)
		}
	}
}

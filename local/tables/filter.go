package tables

import (
	"encoding/hex"
	"strconv"
	"strings"

	"cordon/local/internal/odata"
)

// maxComparisons is the limit of "Querying tables and entities" on learn.microsoft.com.
const maxComparisons = 15

// parseFilter reads a $filter; nil with no problem means that there is none.
func parseFilter(text string) (odata.Filter, *problem) {
	service := odata.Service{
		Property:       checkProperty,
		Literal:        literal,
		Typed:          typed(),
		EitherSide:     true,
		LooseNot:       true,
		MaxComparisons: maxComparisons,
	}
	filter, err := service.Parse(text)
	if err != nil {
		return nil, invalid("The $filter is not valid: %v", err)
	}
	return filter, nil
}

// checkProperty takes every name that a property may have. Of which type it is, each row says for itself.
func checkProperty(name string) (odata.Type, error) {
	if checkName(name) != nil {
		return "", odata.Refuse("%.80q is not the name of a property.", name)
	}
	return odata.AnyType, nil
}

// literal reads true, false, 5, 5L, 5.0, 1e3 and 5.0D. An integer too long for 32 bits is taken as a long.
func literal(text string) (any, bool) {
	if text == "true" || text == "false" {
		return text == "true", true
	}
	if !strings.ContainsRune("+-.0123456789", rune(text[0])) || strings.ContainsAny(text, "xX_pP") {
		return nil, false
	}
	if long, found := strings.CutSuffix(strings.ToUpper(text), "L"); found {
		n, err := strconv.ParseInt(long, 10, 64)
		return n, err == nil
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return int32(n), true
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(strings.TrimRight(text, "dD"), 64)
	return f, err == nil
}

// typed reads the values whose type stands before their quotes.
func typed() map[string]func(string) (any, bool) {
	binary := func(text string) (any, bool) {
		b, err := hex.DecodeString(text)
		return b, err == nil
	}
	return map[string]func(string) (any, bool){
		"X":        binary,
		"binary":   binary,
		"datetime": func(text string) (any, bool) { return parseTime(text) },
		"guid":     func(text string) (any, bool) { return parseGUID(text) },
	}
}

// partitionOf returns the one partition that rows must be in for a filter to hold, if it says so.
func partitionOf(filter odata.Filter) (string, bool) {
	switch f := filter.(type) {
	case odata.And:
		for _, part := range f {
			if partition, ok := partitionOf(part); ok {
				return partition, true
			}
		}
	case odata.Comparison:
		partition, ok := f.Value.(string)
		return partition, ok && f.Name == "PartitionKey" && f.Op == "eq"
	}
	return "", false
}

package tables

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf16"
)

// The limits are those of "Understanding the Table service data model" on learn.microsoft.com.
const (
	maxProperties   = 252
	maxPropertySize = 64 << 10
	maxEntitySize   = 1 << 20
	maxKeySize      = 1 << 10
	maxNameLength   = 255
)

// utf16Len is the number of UTF-16 units in s, which is what the service counts.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// checkKeys holds the keys of a row that is written against the service's rules. A key may be empty.
func checkKeys(k key) *problem {
	for _, part := range []struct{ name, value string }{{"PartitionKey", k.partition}, {"RowKey", k.row}} {
		if 2*utf16Len(part.value) > maxKeySize {
			return refuse(http.StatusBadRequest, "KeyValueTooLarge", "The %s is larger than 1 KiB (512 UTF-16 units).",
				part.name)
		}
		if strings.ContainsFunc(part.value, forbidden) {
			return refuse(http.StatusBadRequest, "OutOfRangeInput",
				"The '%s' parameter is out of range: it holds / \\ # ? or a control character.", part.name)
		}
	}
	return nil
}

func forbidden(r rune) bool {
	return strings.ContainsRune(`/\#?`, r) || r < 0x20 || r >= 0x7f && r <= 0x9f
}

// checkSize holds a row as it would be stored against the limits.
func checkSize(k key, properties map[string]any) *problem {
	if len(properties) > maxProperties {
		return refuse(http.StatusBadRequest, "TooManyProperties",
			"The entity contains more properties than allowed: %d, and the limit is %d.", len(properties),
			maxProperties)
	}
	total := 4 + 2*(utf16Len(k.partition)+utf16Len(k.row))
	for name, value := range properties {
		if problem := checkName(name); problem != nil {
			return problem
		}
		size := sizeOf(value)
		if size > maxPropertySize {
			return refuse(http.StatusBadRequest, "PropertyValueTooLarge",
				"The property value exceeds the maximum allowed size (64KB). If the property value is a string, it "+
					"is UTF-16 encoded and the maximum number of characters should be 32K or less. Property %q.", name)
		}
		total += 8 + 2*utf16Len(name) + 4 + size
	}
	if total > maxEntitySize {
		return refuse(http.StatusBadRequest, "EntityTooLarge",
			"The entity is larger than the maximum allowed size (1MB): %d bytes.", total)
	}
	return nil
}

func checkName(name string) *problem {
	if utf16Len(name) > maxNameLength {
		return refuse(http.StatusBadRequest, "PropertyNameTooLong",
			"The property name exceeds the maximum allowed length (255).")
	}
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return refuse(http.StatusBadRequest, "PropertyNameInvalid",
				"The property name is invalid: %q. Use letters, digits and underscores, and no digit first.", name)
		}
	}
	if name == "" {
		return refuse(http.StatusBadRequest, "PropertyNameInvalid", "The property name is empty.")
	}
	return nil
}

func sizeOf(value any) int {
	switch v := value.(type) {
	case string:
		return 2 * utf16Len(v)
	case []byte:
		return len(v)
	case GUID:
		return 16
	case bool:
		return 1
	case int32:
		return 4
	default: // int64, float64, time.Time
		return 8
	}
}

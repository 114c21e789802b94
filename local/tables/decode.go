package tables

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	edmBinary   = "Edm.Binary"
	edmDateTime = "Edm.DateTime"
	edmDouble   = "Edm.Double"
	edmGUID     = "Edm.Guid"
	edmInt64    = "Edm.Int64"

	typeSuffix = "@odata.type"
)

// sentKeys are the keys in a body, nil where it has none.
type sentKeys struct{ partition, row *string }

// decodeEntity reads the JSON form of an entity, "Payload format for Table service operations" on learn.microsoft.com:
// a type annotation stands beside the property, nulls and the timestamp are left out, names that begin with odata. are
// ignored.
func decodeEntity(body []byte) (sentKeys, map[string]any, *problem) {
	raw, problem := members(body)
	if problem != nil {
		return sentKeys{}, nil, problem
	}
	var keys sentKeys
	properties := map[string]any{}
	for name, value := range raw {
		switch {
		case name == "Timestamp" || strings.HasPrefix(name, "odata.") || strings.Contains(name, "@odata."):
			continue
		case name == "PartitionKey" || name == "RowKey":
			text, ok := value.(string)
			if !ok {
				return sentKeys{}, nil, invalid("%s is not a string.", name)
			}
			if name == "RowKey" {
				keys.row = &text
			} else {
				keys.partition = &text
			}
		case value != nil:
			decoded, problem := decodeValue(name, value, raw[name+typeSuffix])
			if problem != nil {
				return sentKeys{}, nil, problem
			}
			properties[name] = decoded
		}
	}
	return keys, properties, nil
}

// members reads one flat JSON object; numbers stay json.Number.
func members(body []byte) (map[string]any, *problem) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, invalid("The body is not a JSON object.")
	}
	raw := map[string]any{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, invalid("The body is not a JSON object: %v", err)
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, invalid("The body is not a JSON object: %v", err)
		}
		text := name.(string) // the decoder hands out nothing else as a member's name
		if _, twice := raw[text]; twice {
			return nil,
				refuse(http.StatusBadRequest, "DuplicatePropertiesSpecified",
					"A property is specified more than one time: %.255q", text)
		}
		raw[text] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, invalid("The body is not a JSON object: %v", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, invalid("Something follows the JSON object.")
	}
	return raw, nil
}

func decodeValue(name string, value, annotation any) (any, *problem) {
	kind, ok := annotation.(string)
	if annotation != nil && !ok {
		return nil, invalid("The type of property %.255q is not a string.", name)
	}
	decoded, ok := decodeTyped(value, kind)
	if !ok {
		return nil, invalid("The value of property %.255q does not fit its type %.64q.", name, kind)
	}
	return decoded, nil
}

// decodeTyped reads a value of a known type, or of the type that its JSON form implies: an integral number is an
// Edm.Int32.
func decodeTyped(value any, kind string) (any, bool) {
	switch v := value.(type) {
	case bool:
		return v, kind == "" || kind == "Edm.Boolean"
	case json.Number:
		return decodeNumber(string(v), kind)
	case string:
		return decodeText(v, kind)
	default:
		return nil, false
	}
}

func decodeNumber(text, kind string) (any, bool) {
	integral := !strings.ContainsAny(text, ".eE")
	switch {
	case kind == "Edm.Int32" || kind == "" && integral:
		n, err := strconv.ParseInt(text, 10, 32)
		return int32(n), err == nil
	case kind == edmInt64:
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil
	case kind == edmDouble || kind == "":
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil
	default:
		return nil, false
	}
}

func decodeText(text, kind string) (any, bool) {
	switch kind {
	case "", "Edm.String":
		return text, true
	case edmInt64, "Edm.Int32":
		return decodeNumber(text, kind)
	case edmDouble:
		return decodeDouble(text)
	case edmBinary:
		b, err := base64.StdEncoding.DecodeString(text)
		return b, err == nil
	case edmGUID:
		return parseGUID(text)
	case edmDateTime:
		return parseTime(text)
	case "Edm.Boolean":
		b, err := strconv.ParseBool(text)
		return b, err == nil
	default:
		return nil, false
	}
}

func decodeDouble(text string) (float64, bool) {
	switch text {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

func parseGUID(text string) (GUID, bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return "", false
	}
	digits, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	return GUID(strings.ToLower(text)), err == nil && len(digits) == 16
}

// parseTime reads a time, to 100 ns and in UTC. The service holds none before 1601.
func parseTime(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", text)
	}
	t = t.UTC().Truncate(100 * time.Nanosecond)
	return t, err == nil && t.Year() >= 1601 && t.Year() <= 9999
}

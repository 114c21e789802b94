package tables

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// metadata is how much OData annotation a client asks for.
type metadata int

const (
	minimalMetadata metadata = iota
	noMetadata
	fullMetadata
)

func contentType(m metadata) string {
	level := "minimalmetadata"
	switch m {
	case noMetadata:
		level = "nometadata"
	case fullMetadata:
		level = "fullmetadata"
	}
	return "application/json;odata=" + level + ";streaming=true;charset=utf-8"
}

// metadataOf reads $format, or else Accept. JSON without a level is minimal.
func metadataOf(query url.Values, header http.Header) (metadata, *problem) {
	asked := query.Get("$format")
	if asked == "" {
		asked = header.Get("Accept")
	}
	switch {
	case strings.Contains(asked, "odata=nometadata"):
		return noMetadata, nil
	case strings.Contains(asked, "odata=fullmetadata"):
		return fullMetadata, nil
	case strings.Contains(asked, "atom+xml"):
		return 0, refuse(http.StatusUnsupportedMediaType, "AtomFormatNotSupported", "Atom format is not supported.")
	default:
		return minimalMetadata, nil
	}
}

// encoder writes rows of one table as JSON.
type encoder struct {
	base   string
	table  string
	format metadata
	fields []string
	buf    bytes.Buffer
	comma  bool
}

// encoder returns one for the fields asked for; nil fields means all.
func (s *Server) encoder(host, table string, format metadata, fields []string) *encoder {
	return &encoder{base: "http://" + host + "/" + s.account + "/", table: table, format: format, fields: fields}
}

// single writes one row as a document of its own.
func (e *encoder) single(row *Row) []byte {
	e.open()
	if e.format != noMetadata {
		e.member("odata.metadata", e.base+"$metadata#"+e.table+"/@Element")
	}
	e.row(row)
	return e.buf.Bytes()
}

// list writes a page of rows.
func (e *encoder) list(rows []*Row) []byte {
	e.open()
	if e.format != noMetadata {
		e.member("odata.metadata", e.base+"$metadata#"+e.table)
	}
	e.name("value")
	e.buf.WriteByte('[')
	for i, row := range rows {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		e.open()
		e.row(row)
	}
	e.buf.WriteString("]}")
	return e.buf.Bytes()
}

// row writes the members of a row into the object that is open, and closes it.
func (e *encoder) row(row *Row) {
	if e.format == fullMetadata {
		e.member("odata.type", strings.Trim(strings.TrimPrefix(e.base, "http://"), "/")+"."+e.table)
		e.member("odata.id", e.base+editLink(e.table, row))
		e.member("odata.editLink", editLink(e.table, row))
	}
	if e.format != noMetadata {
		e.member("odata.etag", row.ETag)
	}
	e.property("PartitionKey", row.PartitionKey)
	e.property("RowKey", row.RowKey)
	e.property("Timestamp", row.Timestamp)
	for _, name := range slices.Sorted(maps.Keys(row.Properties)) {
		e.property(name, row.Properties[name])
	}
	e.buf.WriteByte('}')
}

func (e *encoder) property(name string, value any) {
	if e.fields != nil && !slices.Contains(e.fields, name) {
		return
	}
	kind, form := jsonForm(value)
	// The service annotates its own timestamp in full metadata only.
	if kind != "" && e.format != noMetadata && (name != "Timestamp" || e.format == fullMetadata) {
		e.member(name+typeSuffix, kind)
	}
	e.member(name, form)
}

// jsonForm returns the type annotation of a value, empty where JSON says it all, and what to write.
func jsonForm(value any) (kind string, form any) {
	switch v := value.(type) {
	case int64:
		return edmInt64, strconv.FormatInt(v, 10)
	case time.Time:
		return edmDateTime, formatTime(v)
	case []byte:
		return edmBinary, base64.StdEncoding.EncodeToString(v)
	case GUID:
		return edmGUID, string(v)
	case float64:
		return doubleForm(v)
	default: // string, bool, int32
		return "", v
	}
}

// doubleForm keeps a point in whole numbers: without it the value would come back as an Edm.Int32.
func doubleForm(f float64) (kind string, form any) {
	switch {
	case math.IsNaN(f):
		return edmDouble, "NaN"
	case math.IsInf(f, 1):
		return edmDouble, "Infinity"
	case math.IsInf(f, -1):
		return edmDouble, "-Infinity"
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return "", json.Number(text)
}

func (e *encoder) open() {
	e.buf.WriteByte('{')
	e.comma = false
}

func (e *encoder) member(name string, value any) {
	e.name(name)
	text, _ := json.Marshal(value) // string, bool, int32 and well-formed numbers only: cannot fail
	e.buf.Write(text)
}

func (e *encoder) name(name string) {
	if e.comma {
		e.buf.WriteByte(',')
	}
	e.comma = true
	text, _ := json.Marshal(name) // a string cannot fail
	e.buf.Write(text)
	e.buf.WriteByte(':')
}

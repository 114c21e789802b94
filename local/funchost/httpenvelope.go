package funchost

import (
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// httpCall is what the front found out about a request.
type httpCall struct {
	params map[string]string
	grant  grant
	body   []byte
}

// httpEnvelope is a request for a function that is not forwarded. Header names are in Go's spelling where the real host
// keeps the caller's.
func httpEnvelope(fn *function, r *http.Request, call httpCall, now time.Time) envelope {
	headers := r.Header.Clone()
	headers.Set("Host", r.Host)
	all := queryParameters(r.URL.RawQuery)
	joined := make(map[string]string, len(all))
	m := newMetadata(fn.name, now)
	lastValue := make(map[string]string, len(all))
	for _, p := range all {
		last := p.values[len(p.values)-1]
		joined[p.name], lastValue[p.name] = strings.Join(p.values, ","), last
		if !strings.EqualFold(p.name, "code") {
			m.set(p.name, quoted(last))
		}
	}
	for name, value := range call.params {
		m.set(name, quoted(value))
	}
	lastHeader := make(map[string]string, len(headers))
	for name, v := range headers {
		lastHeader[name] = v[len(v)-1]
	}
	m["Query"], m["Headers"] = lastValue, lastHeader
	data := map[string]any{
		"Url": requestURL(r), "Method": r.Method, "Query": joined, "Headers": headers, "Params": call.params,
		"Identities": []any{identity(call.grant)},
	}
	if len(call.body) > 0 {
		text := bodyText(r.Header.Get("Content-Type"), call.body)
		data["Body"] = text
		m.promote(text)
	}
	return envelope{Data: map[string]any{fn.binding: data}, Metadata: m}
}

func bodyText(contentType string, body []byte) string {
	media := strings.ToLower(strings.TrimSpace(contentType))
	if strings.HasPrefix(media, "application/octet-stream") || strings.HasPrefix(media, "multipart/") {
		return base64.StdEncoding.EncodeToString(body)
	}
	return strings.ToValidUTF8(string(body), "\uFFFD")
}

func requestURL(r *http.Request) string {
	scheme := "http"
	if secure(r) {
		scheme = "https"
	}
	u := scheme + "://" + r.Host + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		u += "?" + r.URL.RawQuery
	}
	return u
}

// identity is the caller as .NET's ClaimsIdentity serializes: the key's claims, or nobody.
func identity(g grant) map[string]any {
	out := map[string]any{
		"AuthenticationType": nil, "IsAuthenticated": false, "Actor": nil, "BootstrapContext": nil, "Claims": []any{},
		"Label": nil, "Name": nil,
		"NameClaimType": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
		"RoleClaimType": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
	}
	if g.valid {
		out["AuthenticationType"], out["IsAuthenticated"] = "WebJobsAuthLevel", true
		out["Claims"] = []any{claim("authlevel", g.level.String()), claim("invoke", "true"), claim("keyid", g.keyID)}
	}
	return out
}

func claim(name, value string) map[string]any {
	return map[string]any{
		"Issuer": "LOCAL AUTHORITY", "OriginalIssuer": "LOCAL AUTHORITY", "Properties": map[string]any{},
		"Type": "http://schemas.microsoft.com/2017/07/functions/claims/" + name, "Value": value,
		"ValueType": "http://www.w3.org/2001/XMLSchema#string",
	}
}

package push

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"cordon/handler/incoming"
)

// The types of body that are read (CloudEvents 1.0.2, HTTP and JSON bindings).
const (
	typeJSON  = "application/json"
	typeEvent = "application/cloudevents+json"
	typeBatch = "application/cloudevents-batch+json"
)

// skips are the items of a request that name no alert. Incidents mix the products' alerts, and one of another product
// must not cost those of this one.
type skips struct {
	first *Refusal // of the first one; nil: there are none
	told  []string
	more  int
}

func (s *skips) add(refused *Refusal) {
	if s.first == nil {
		s.first = refused
	}
	if len(s.told) == maxSkipped {
		s.more++
		return
	}
	s.told = append(s.told, refused.Detail)
}

// decode finds the alerts' ids in a request, each once, in order. A request with no alert that can be used is refused
// for what is wrong with the first.
func decode(header http.Header, body []byte) (Receipt, *Refusal) {
	kind, refused := contentType(header)
	if refused != nil {
		return Receipt{}, refused
	}
	tree, err := parse(incoming.Document(body))
	if err != nil {
		return Receipt{}, refuse(http.StatusBadRequest, "bad_json", "the body cannot be read: %v", err)
	}
	var skipped skips
	items, refused := itemsOf(kind, header, tree, &skipped)
	if refused != nil {
		return Receipt{}, refused
	}
	if len(items) > MaxItems {
		return Receipt{},
			refuse(http.StatusRequestEntityTooLarge, "too_many",
				"the body has %d alerts, at most %d are taken; send the rest in another request", len(items), MaxItems)
	}
	var ids []string
	for i, item := range items {
		id, refused := idOf(i+1, item)
		if refused != nil {
			skipped.add(refused)
		} else if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch {
	case len(ids) > 0:
		return Receipt{
			Accepted:    ids,
			Skipped:     skipped.told,
			MoreSkipped: skipped.more,
		}, nil
	case skipped.first != nil:
		return Receipt{}, skipped.first
	}
	return Receipt{}, refuse(http.StatusBadRequest, "no_alerts", `the body names no alert; such as {"alertId":"…"}`)
}

func contentType(header http.Header) (string, *Refusal) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	known := err == nil && slices.Contains([]string{typeJSON, typeEvent, typeBatch}, kind)
	charset := parameters["charset"]
	if !known || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "",
			refuse(http.StatusUnsupportedMediaType, "unsupported_type",
				"Content-Type %.80q is not read; send %s, %s or %s, in UTF-8", header.Get("Content-Type"), typeJSON,
				typeEvent, typeBatch)
	}
	encoding := header.Get("Content-Encoding")
	if encoding != "" && !strings.EqualFold(encoding, "identity") {
		return "",
			refuse(http.StatusUnsupportedMediaType, "unsupported_type",
				"Content-Encoding %.40q is not read; send the body as it is", encoding)
	}
	return kind, nil
}

// itemsOf are the things that are to name an alert. An event of a batch that carries none is skipped.
func itemsOf(kind string, header http.Header, tree any, skipped *skips) ([]any, *Refusal) {
	switch kind {
	case typeEvent:
		return dataOf(1, tree)
	case typeBatch:
		events, isList := tree.([]any)
		if !isList {
			return nil, refuse(http.StatusBadRequest, "bad_event", "a batch of events is a list")
		}
		var items []any
		for i, event := range events {
			data, refused := dataOf(i+1, event)
			if refused != nil {
				skipped.add(refused)
			}
			items = append(items, data...)
		}
		return items, nil
	}
	if version := header.Get("Ce-Specversion"); version != "" {
		for _, name := range []string{"id", "source", "type"} {
			if header.Get("Ce-"+name) == "" {
				return nil, refuse(http.StatusBadRequest, "bad_event", "the event has no header ce-%s", name)
			}
		}
		if version != "1.0" {
			return nil, refuse(http.StatusBadRequest, "bad_event", "ce-specversion %.20q is not read; 1.0 is", version)
		}
	}
	return listOf(tree), nil
}

// dataOf is what an event in structured form carries.
func dataOf(number int, tree any) ([]any, *Refusal) {
	event, isObject := tree.(object)
	if !isObject {
		return nil, refuse(http.StatusBadRequest, "bad_event", "event %d is no object", number)
	}
	for _, name := range []string{"id", "source", "type", "specversion"} {
		text, _ := event.fields[name].(string)
		if text == "" {
			return nil, refuse(http.StatusBadRequest, "bad_event", "event %d has no %s", number, name)
		}
	}
	if version := event.fields["specversion"]; version != "1.0" {
		return nil,
			refuse(http.StatusBadRequest, "bad_event", "event %d has specversion %.20q; 1.0 is read", number, version)
	}
	data, there := event.fields["data"]
	if !there {
		return nil, refuse(http.StatusBadRequest, "bad_event", "event %d has no data; data_base64 is not read", number)
	}
	return listOf(data), nil
}

func listOf(tree any) []any {
	if list, isList := tree.([]any); isList {
		return list
	}
	return []any{tree}
}

// idOf reads one alert. What it says besides its id is not used, but an id of a machine has to be one.
func idOf(number int, item any) (string, *Refusal) {
	o, isObject := item.(object)
	if !isObject {
		return "", refuse(http.StatusBadRequest, "bad_item", `alert %d is no object such as {"alertId":"…"}`, number)
	}
	id, isText := o.fields["alertid"].(string)
	if !isText {
		return "", refuse(http.StatusBadRequest, "bad_item", "alert %d has no text alertId", number)
	}
	if err := CheckID(id); err != nil {
		return "", refuse(http.StatusBadRequest, "bad_id", "alert %d: alertId %v", number, err)
	}
	machineID, there := o.fields["machineid"]
	if !there || machineID == nil || machineID == "" {
		return id, nil
	}
	text, isText := machineID.(string)
	if !isText {
		return "", refuse(http.StatusBadRequest, "bad_item", "alert %d: machineId is no text", number)
	}
	if err := CheckID(text); err != nil {
		return "", refuse(http.StatusBadRequest, "bad_id", "alert %d: machineId %v", number, err)
	}
	return id, nil
}

package defender

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"cordon/handler/alert"
	"cordon/handler/defender/lenient"
	"cordon/handler/machine"
)

// DecodeAlert reads an alert as GET /api/alerts/{id} answers it, such as from a file. It has to have an id.
func DecodeAlert(body []byte) (alert.Alert, error) {
	found, err := document[wireAlert](body)
	return found.alert(), err
}

// DecodeMachine reads a machine as GET /api/machines/{id} answers it, such as from a file. It has to have an id.
func DecodeMachine(body []byte) (machine.Machine, error) {
	found, err := document[wireMachine](body)
	return found.machine(), err
}

// DecodeActions reads machine actions as GET /api/machineactions answers them: a list under value. An empty list is not
// nil.
func DecodeActions(body []byte) ([]machine.Action, error) {
	var list struct {
		Value *lenient.Items[wireAction] `json:"value"`
	}
	if err := json.UnmarshalDecode(lenient.Decoder(bytes.NewReader(body), maxEntity), &list); err != nil {
		return nil, fmt.Errorf("not the API's JSON: %w", err)
	}
	if list.Value == nil {
		return nil, errors.New(`not the API's list of machine actions: it has no "value"`)
	}
	actions := make([]machine.Action, 0, len(*list.Value))
	for _, one := range *list.Value {
		actions = append(actions, one.action())
	}
	return actions, nil
}

func document[T entity](body []byte) (T, error) {
	var found T
	if err := json.UnmarshalDecode(lenient.Decoder(bytes.NewReader(body), maxEntity), &found); err != nil {
		return *new(T), fmt.Errorf("not the API's JSON: %w", err)
	}
	if found.id() == "" {
		return *new(T), errors.New(`not one entity as the API answers it: it has no "id"`)
	}
	return found, nil
}

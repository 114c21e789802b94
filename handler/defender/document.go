package defender

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"

	"cordon/handler/alert"
	"cordon/handler/lenient"
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
	err := json.UnmarshalDecode(lenient.Decoder(bytes.NewReader(body), maxEntity), &list)
	if err != nil {
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
	err := json.UnmarshalDecode(lenient.Decoder(bytes.NewReader(body), maxEntity), &found)
	if err != nil {
		return *new(T), fmt.Errorf("not the API's JSON: %w", err)
	}
	if found.id() == "" {
		return *new(T), errors.New(`not one entity as the API answers it: it has no "id"`)
	}
	return found, nil
}

// AlertFields are the fields of an alert as the API answers it, also those that Cordon does not read ("Alerts resource
// type").
func AlertFields() []string {
	return slices.Concat(jsonNames(reflect.TypeFor[wireAlert]()),
		[]string{"investigationId", "aadTenantId", "comments", "loggedOnUsers"})
}

// UserFields are the fields of the user of an alert.
func UserFields() []string { return jsonNames(reflect.TypeFor[wireUser]()) }

// EvidenceFields are the fields of a piece of evidence, also those that Cordon does not read.
func EvidenceFields() []string {
	return slices.Concat(jsonNames(reflect.TypeFor[wireEvidence]()),
		[]string{"evidenceCreationTime", "processCreationTime", "parentProcessCreationTime"})
}

// MachineFields are the fields of a machine, also those that Cordon does not read ("Machine resource type").
func MachineFields() []string {
	return slices.Concat(jsonNames(reflect.TypeFor[wireMachine]()),
		[]string{
			"osProcessor", "osVersion", "rbacGroupId", "isAadJoined", "ipAddresses",
			"agentVersion", "defenderAvStatus", "managedBy", "managedByStatus",
			"mergedIntoMachineId", "isPotentialDuplication", "isExcluded",
			"exclusionReason", "vmMetadata",
		})
}

// ActionFields are the fields of a machine action, also those that Cordon does not read ("MachineAction resource
// type").
func ActionFields() []string {
	return slices.Concat(jsonNames(reflect.TypeFor[wireAction]()),
		[]string{"computerDnsName", "title", "relatedFileInfo", "commands", "troubleshootInfo",
			"cancellationDateTimeUtc", "externalId", "externalID"})
}

func jsonNames(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("json")
	}
	return names
}

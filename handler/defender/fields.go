package defender

import (
	"reflect"
	"slices"
)

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

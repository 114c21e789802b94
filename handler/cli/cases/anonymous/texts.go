package anonymous

import (
	"reflect"
	"slices"
	"strings"
)

// words are the fields that name nobody: the API's own words, versions, digests of files, and what detections are
// called.
func words() []string {
	return []string{
		"Severity", "Status", "Classification", "Determination", "DetectionSource", "DetectorID", "ServiceSource",
		"Source", "Category", "ThreatFamily", "ThreatName", "InvestigationState", "MitreTechniques", "Kind", "SHA1",
		"SHA256", "DetectionStatus", "RegistryHive", "RegistryValueType", "OSPlatform", "OSArchitecture", "Version",
		"HealthStatus", "OnboardingStatus", "RiskScore", "ExposureLevel", "DeviceValue", "Ceiling", "Asked", "Type",
		"Scope", "RequestSource", "By", "Verdict",
	}
}

// each lets change have every text in a value but words, with the name of the field or column that it stands in.
func each(v reflect.Value, name string, change func(name, text string) string) {
	if slices.Contains(words(), name) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			each(v.Elem(), name, change)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				each(v.Field(i), v.Type().Field(i).Name, change)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), name, change)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			v.SetMapIndex(key, reflect.ValueOf(change(key.String(), v.MapIndex(key).String())))
		}
	case reflect.String:
		v.SetString(change(name, v.String()))
	}
}

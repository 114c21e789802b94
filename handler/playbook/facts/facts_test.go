package facts

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/handler/alert"
)

func TestTheFactsAreTheTaggedFieldsOfAnAlertAndNoOthers(t *testing.T) {
	want := names(reflect.TypeFor[alert.Alert]())
	if diff := cmp.Diff(want, names(reflect.TypeFor[Alert]())); diff != "" {
		t.Error(diff)
	}
	// Every one carries the alert's value: a full alert has no empty fact.
	a := alert.Alert{}
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)))
		case int64:
			f.SetInt(7)
		case []string:
			f.Set(reflect.ValueOf([]string{"x"}))
		case []alert.Evidence:
			f.Set(reflect.ValueOf([]alert.Evidence{{Kind: "x"}}))
		case alert.User:
			f.Set(reflect.ValueOf(alert.User{Name: "x"}))
		default:
			f.SetString(v.Type().Field(i).Name)
		}
	}
	seen := OfAlert(a)
	for i := range reflect.TypeFor[Alert]().NumField() {
		name := reflect.TypeFor[Alert]().Field(i).Name
		got, want := reflect.ValueOf(seen).Field(i), v.FieldByName(name)
		if fmt.Sprint(got.Interface()) != fmt.Sprint(want.Interface()) || got.IsZero() {
			t.Errorf("%s: %v, the alert has %v", name, got, want)
		}
	}
}

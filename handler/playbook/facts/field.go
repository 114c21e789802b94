package facts

import (
	"reflect"
	"strings"
)

// Field is one fact by its path in Facts, resolved once so that an explanation can show its value.
type Field struct {
	Name  string // "alert.severity"
	Index [][]int
	Kind  reflect.Kind
	Texts bool // it is a list of texts
}

// Resolve finds the longest part of path, a chain of expr names from the root, that names a fact.
func Resolve(path []string) (Field, bool) {
	f, t := Field{}, reflect.TypeFor[Facts]()
	for _, name := range path {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		sf, ok := fieldByName(t, name)
		if !ok {
			break
		}
		f.Index = append(f.Index, sf.Index)
		f.Name = strings.TrimPrefix(f.Name+"."+name, ".")
		t = sf.Type
		f.Kind = sf.Type.Kind()
		f.Texts = sf.Type == reflect.TypeFor[[]string]()
	}
	return f, len(f.Index) > 0
}

func fieldByName(t reflect.Type, name string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	for _, sf := range reflect.VisibleFields(t) {
		if sf.Tag.Get("expr") == name {
			return sf, true
		}
	}
	return reflect.StructField{}, false
}

// Value gives the value of f, false when something on the way is nil.
func (f Field) Value(of *Facts) (reflect.Value, bool) {
	v := reflect.ValueOf(of).Elem()
	for _, index := range f.Index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}, false
			}
			v = v.Elem()
		}
		var err error
		v, err = v.FieldByIndexErr(index)
		if err != nil {
			return reflect.Value{}, false
		}
	}
	return v, true
}

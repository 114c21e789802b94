package defendersim

import (
	"time"

	"cordon/local/internal/odata"
)

// maxNodes bounds what a filter is made of: the default of the framework. Whether Defender has it is not documented.
const maxNodes = 100

// property is how a filter reads one property of an entity; nil is one without a value.
type property[T any] struct {
	kind odata.Type
	read func(T) any
}

// schema names the properties of an entity that filters may use.
type schema[T any] struct {
	name       string // as errors name it
	properties map[string]property[T]
}

func textOf[T any](read func(T) string) property[T] {
	return property[T]{odata.Text, func(one T) any {
		if text := read(one); text != "" {
			return text
		}
		return nil
	}}
}

func numberOf[T any](read func(T) int64, zeroIsNull bool) property[T] {
	return property[T]{odata.Number, func(one T) any {
		if n := read(one); n != 0 || !zeroIsNull {
			return n
		}
		return nil
	}}
}

func timeOf[T any](read func(T) time.Time) property[T] {
	return property[T]{odata.Time, func(one T) any {
		if t := read(one); !t.IsZero() {
			return t
		}
		return nil
	}}
}

func textsOf[T any](read func(T) []string) property[T] {
	return property[T]{odata.Texts, func(one T) any { return read(one) }}
}

// compile turns a $filter into a predicate. An empty one lets everything through.
func (s schema[T]) compile(filter string) (func(T) bool, error) {
	service := odata.Service{
		Property:  s.property,
		Literal:   odata.Literal,
		Null:      true,
		Functions: true,
		MaxNodes:  maxNodes,
	}
	parsed, err := service.Parse(filter)
	switch {
	case err != nil:
		return nil, err
	case parsed == nil:
		return func(T) bool { return true }, nil
	}
	return func(one T) bool {
		return parsed.Holds(func(name string) any { return s.properties[name].read(one) })
	}, nil
}

func (s schema[T]) property(name string) (odata.Type, error) {
	found, ok := s.properties[name]
	if !ok {
		return "", s.lacks(name)
	}
	return found.kind, nil
}

func (s schema[T]) lacks(name string) error {
	return odata.Refuse("Could not find a property named '%s' on type 'microsoft.windowsDefenderATP.api.%s'.", name,
		s.name)
}

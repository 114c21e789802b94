package odata

import "fmt"

// refusal is why a service refuses a query, in its own words.
type refusal string

func (r refusal) Error() string { return string(r) }

// Refuse makes an error of the words in which a service refuses a query.
func Refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

func incompatible(op string, left, right Type) error {
	return Refuse("A binary operator with incompatible types was detected. "+
		"Found operand types '%s' and '%s' for operator kind '%s'.", left, right, op)
}

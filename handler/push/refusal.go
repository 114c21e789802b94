package push

import "fmt"

func refuse(status int, code, format string, args ...any) *Refusal {
	return &Refusal{
		Status: status,
		Code:   code,
		Detail: fmt.Sprintf(format, args...),
	}
}

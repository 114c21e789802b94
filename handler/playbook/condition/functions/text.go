package functions

import (
	"fmt"
	"net/netip"
	"strings"

	"cordon/handler/alert"
	"cordon/handler/playbook/spelling"
)

// maxText bounds the text that a glob is held against, in bytes; a longer one gives no answer.
const maxText = 64 << 10

// onTexts is a function of texts as the expression language calls it; its checker has made sure that they are.
func onTexts[T any](call func([]string) (T, error)) func(...any) (any, error) {
	return func(p ...any) (any, error) {
		return call(texts(p))
	}
}

// texts are arguments as texts; what is none is empty.
func texts(params []any) []string {
	list := make([]string, len(params))
	for i, p := range params {
		list[i], _ = p.(string)
	}
	return list
}

func glob(args []string) (bool, error) {
	if len(args[0]) > maxText {
		return false, fmt.Errorf("a text of %d bytes is too long for glob, the limit is %d", len(args[0]), maxText)
	}
	for _, pattern := range args[1:] {
		if spelling.Glob(pattern, args[0]) {
			return true, nil
		}
	}
	return false, nil
}

func inCIDR(args []string) (bool, error) {
	address, err := netip.ParseAddr(strings.TrimSpace(args[0]))
	if err != nil {
		return false, nil
	}
	address = address.Unmap().WithZone("")
	for _, text := range args[1:] {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return false, fmt.Errorf("%s is no network", spelling.Quoted(text))
		}
		if network.Contains(address) {
			return true, nil
		}
	}
	return false, nil
}

// atLeast compares a severity with a written one. UnSpecified is below all; what nobody knows has no answer.
func atLeast(args []string) (bool, error) {
	is := alert.Severity(args[0])
	least := alert.Severity(args[1])
	if is != alert.UnSpecified && is.Rank() == 0 {
		return false, fmt.Errorf("the severity %s is not known", spelling.Quoted(args[0]))
	}
	return is.Rank() >= least.Rank(), nil
}

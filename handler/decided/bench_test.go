package decided_test

import (
	"strings"
	"testing"

	"cordon/handler/alert"
	"cordon/handler/decided"
	"cordon/handler/playbook"
	"cordon/handler/playbook/playbooktest"
)

// BenchmarkOf is a decision about an alert with twenty processes, and one about an alert of half a megabyte.
func BenchmarkOf(b *testing.B) {
	for name, text := range map[string]string{
		"usual":   strings.Repeat(`C:\Windows\System32\cmd.exe /c echo `, 6),
		"hostile": strings.Repeat(`-password token=secret: `, 1000),
	} {
		in := playbooktest.Input()
		for range 20 {
			in.Alert.Evidence = append(in.Alert.Evidence, alert.Evidence{Kind: "Process", CommandLine: text})
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				decided.Of(in, playbook.Plan{})
			}
		})
	}
}

package hunt_test

import (
	"fmt"
	"time"

	"cordon/handler/hunt"
)

// A hunt is a query whose comments say how it is run. Values are written into it as literals, never as text.
func ExampleParse() {
	h, problems := hunt.Parse("hunts/tools.kql", []byte(`// name: remote-tools
// schedule: 0 0 * * * *
// timespan: 2h
// do: mail
// identity: DeviceId, FileName
// param: tool string = anydesk.exe

DeviceProcessEvents
| where Timestamp > {{since}} and FileName =~ {{tool}}
| project DeviceId, DeviceName, FileName, Timestamp
`))
	if len(problems) > 0 {
		fmt.Println(problems)
		return
	}
	query, err := h.Query(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), map[string]string{"tool": `a" or 1 == 1 //`})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(query)
	// Output:
	// DeviceProcessEvents
	// | where Timestamp > datetime(2026-03-02T10:00:00.0000000Z) and FileName =~ "a\" or 1 == 1 //"
	// | project DeviceId, DeviceName, FileName, Timestamp
}

package funchost

import "testing"

func TestMetadataOfARunByHandHasTheInput(t *testing.T) {
	t.Parallel()
	a := newApp(t, plainHost, map[string]string{
		"PollAlerts": timerFunction("0 */5 * * * *", ""), "RespondToAlert": queueFunction,
	})
	h := a.start()
	for function, binding := range map[string]string{"PollAlerts": "timer", "RespondToAlert": "message"} {
		result := make(chan error, 1)
		go func() { result <- h.Invoke(t.Context(), function, `{"a":1}`) }()
		c := a.next()
		if got := at(parsed(t, []byte(c.Body)), "Metadata")[binding]; got != `"{\"a\":1}"` {
			t.Errorf("%s: %v", function, got)
		}
		c.succeed()
		if err := receive(t, result, "result"); err != nil {
			t.Error(err)
		}
	}
}

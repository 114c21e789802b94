package runs

// SetAction notes the machine action that the step of a latch ends with.
func (r *Run) SetAction(kind, id string) {
	if step := r.ofLatch(kind); step != nil {
		step.Action = id
	}
}

package follow

// What tests count with.
const (
	MarkReconcile = markReconcile
	UnknownAfter  = unknownAfter
	UnknownEvery  = unknownEvery
)

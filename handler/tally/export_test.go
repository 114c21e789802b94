package tally

// Pause is for tests.
var Pause = pause

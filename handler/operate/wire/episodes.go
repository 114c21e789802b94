package wire

import "cordon/handler/desk/episodes"

// Episode is one time that a machine was put into a state, or that something else was done to it.
type Episode = episodes.Episode

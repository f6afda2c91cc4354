// Package limits keeps one caller from taking a server from the others, and all
// of them together from taking its memory: a Budget of bytes on their way, in
// which a stream has a Holding, a Backlog of messages that come slowly, Calls in
// flight and how often they come, connections of a Listener, and a Watch over
// calls that no longer move.
//
// What is refused is refused at once, or after a wait that is bounded, with an
// error that says so; the client tries again later. A queue that could grow for
// ever would only move the end of the memory elsewhere.
//
// Callers are told apart by a text that the user of the package chooses.
package limits

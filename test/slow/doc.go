// Package slow holds a server with a thousand clients that take or send a few
// kilobytes a second against a memory limit, also of what is decoded for them,
// while others want to be served.
package slow

package filter

import (
	"fmt"
	"unicode/utf8"
)

// Error says what is wrong with an expression, and where.
type Error struct {
	Position int // the first character is 1
	Text     string
}

// Error gives text and position.
func (e *Error) Error() string { return fmt.Sprintf("filter: position %d: %s", e.Position, e.Text) }

// errorAt makes the error for a place in the text, counted in characters, which
// is what its author sees.
func errorAt(text string, offset int, format string, args ...any) *Error {
	return &Error{Position: utf8.RuneCountInString(text[:offset]) + 1, Text: fmt.Sprintf(format, args...)}
}

// short quotes a part of an expression for a message.
func short(text string) string {
	const most = 64
	if len(text) <= most {
		return fmt.Sprintf("%q", text)
	}
	end := most
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%q…", text[:end])
}

package auth

import (
	"fmt"
	"os"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// followed is a file whose last good content is in force. One goroutine at a
// time uses it.
type followed struct {
	path string
	// apply puts the content in force, which it was not before.
	apply    func(content []byte, revision string) error
	revision string
	// failure is the text of the last error, so that a file that stays broken is
	// told once.
	failure string
}

// load reads the file and applies what is new.
func (f *followed) load() error {
	content, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	revision := settings.Revision(content)
	if revision == f.revision {
		return nil
	}
	if err := f.apply(content, revision); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.revision = revision
	return nil
}

// reload gives an error that was not given before.
func (f *followed) reload() error {
	err := f.load()
	text := fmt.Sprint(err)
	if text == f.failure {
		return nil
	}
	f.failure = text
	return err
}

package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// AddToken adds a new token's digest to the credentials file, which it makes if
// there is none, and gives the token's text.
func AddToken(path, name string, role settings.Role) (string, error) {
	text, digest := NewToken(name, role)
	err := change(path, func(c *settings.Credentials) { c.Tokens = append(c.Tokens, digest) })
	if err != nil {
		return "", err
	}
	return text, nil
}

// errNoPassword refuses a user whose password everybody guesses.
var errNoPassword = errors.New("the password is empty")

// SetUser adds a user to the credentials file, which it makes if there is none,
// or gives one that is there a new password and role.
func SetUser(path, name, password string, role settings.Role) error {
	if password == "" {
		return errNoPassword
	}
	user := settings.User{Name: name, PasswordHash: settings.HashPassword(password), Role: role}
	return change(path, func(c *settings.Credentials) {
		if i := slices.IndexFunc(c.Users, func(u settings.User) bool { return u.Name == name }); i >= 0 {
			c.Users[i] = user
			return
		}
		c.Users = append(c.Users, user)
	})
}

// change replaces the credentials file. A server that follows it sees the old
// content or the new, never a part.
func change(path string, edit func(*settings.Credentials)) (err error) {
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("auth: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	credentials, err := readOrNew(path)
	if err != nil {
		return err
	}
	edit(credentials)
	content, err := credentials.Marshal()
	if err != nil {
		return fmt.Errorf("auth: encoding credentials: %w", err)
	}
	// What the server would refuse to load must not get into the file.
	if _, err := settings.ParseCredentials(content); err != nil {
		return err
	}
	if err := renameio.WriteFile(path, content, 0o600, renameio.WithExistingPermissions()); err != nil {
		return fmt.Errorf("auth: writing %s: %w", path, err)
	}
	return nil
}

// lockFolder waits until nobody else changes a file of the folder by change:
// two at once would write over one another's credentials. The folder is locked since
// the file is replaced, and a lock on it with it.
func lockFolder(folder string) (unlock func() error, err error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", folder, err), f.Close())
	}
	return f.Close, nil
}

func readOrNew(path string) (*settings.Credentials, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &settings.Credentials{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	credentials, err := settings.ParseCredentials(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return credentials, nil
}

package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// AddToken adds a new token's digest to the credentials file, which it makes if
// there is none, and gives the token's text. A server that follows the file
// sees the old content or the new, never a part.
func AddToken(path, name string, role settings.Role) (_ string, err error) {
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	credentials, err := readOrNew(path)
	if err != nil {
		return "", err
	}
	text, digest := NewToken(name, role)
	credentials.Tokens = append(credentials.Tokens, digest)
	content, err := credentials.Marshal()
	if err != nil {
		return "", fmt.Errorf("auth: encoding credentials: %w", err)
	}
	// A token that the server would refuse to load must not get into the file.
	if _, err := settings.ParseCredentials(content); err != nil {
		return "", err
	}
	if err := renameio.WriteFile(path, content, 0o600, renameio.WithExistingPermissions()); err != nil {
		return "", fmt.Errorf("auth: writing %s: %w", path, err)
	}
	return text, nil
}

// lockFolder waits until nobody else changes a file of the folder by AddToken:
// two at once would write over one another's digest. The folder is locked since
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

package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
	"github.com/flight-operator/flight-operator/test/process"
)

// volumes are the Secrets that a pod mounts, by the last part of their names.
var volumes = []string{"server-tls", "auth", "signing-keys"}

// mounted is the content of each volume, by volume and file.
type mounted map[string]map[string][]byte

// member is one pod: a server's process, and the volumes that its kubelet
// brings up to date some steps late.
type member struct {
	name   string
	lag    int // steps
	binary string
	dir    string

	queue []mounted // what the API server held, and is on its way
	files mounted   // in the volumes
	// server is nil while the pod crashes.
	server *process.Server
	admin  string // HOST:PORT
}

func newMember(t *testing.T, binary string, ordinal, lag int) *member {
	t.Helper()
	return &member{name: fmt.Sprintf("prod-%d", ordinal), lag: lag, binary: binary, dir: t.TempDir()}
}

// start runs the server with the newest files: a kubelet brings them before it
// starts a container.
func (m *member) start(t *testing.T, c *env.Cluster) {
	t.Helper()
	m.queue = nil
	m.project(t, stored(c))
	in := func(volume, file string) string { return filepath.Join(m.dir, volume, file) }
	m.admin = process.FreeAddress(t)
	m.server = process.Serve(t, m.binary, filepath.Join(m.dir, "data"),
		"--admin-listen", m.admin,
		"--tls-cert", in("server-tls", settings.TLSCertFile),
		"--tls-key", in("server-tls", settings.TLSKeyFile),
		"--admin-tls-cert", in("server-tls", settings.AdminCertFile),
		"--admin-tls-key", in("server-tls", settings.AdminKeyFile),
		"--admin-client-ca", in("server-tls", settings.CAFile),
		"--auth-file", in("auth", settings.CredentialsFile),
		"--signing-keys", in("signing-keys", settings.SigningKeysFile))
	t.Cleanup(m.crash)
}

func (m *member) crash() {
	if m.server != nil {
		m.server.Kill()
		m.server = nil
	}
}

// carry is what the kubelet does at each step.
func (m *member) carry(t *testing.T, c *env.Cluster) {
	t.Helper()
	m.queue = append(m.queue, stored(c))
	if len(m.queue) <= m.lag {
		return
	}
	m.project(t, m.queue[0])
	m.queue = m.queue[1:]
}

// project replaces the content of volumes as a kubelet does: all files of one at
// once, by a link to a new directory.
func (m *member) project(t *testing.T, files mounted) {
	t.Helper()
	for _, volume := range volumes {
		if maps.EqualFunc(files[volume], m.files[volume], slices.Equal) {
			continue
		}
		if err := projectVolume(filepath.Join(m.dir, volume), files[volume]); err != nil {
			t.Fatal(err)
		}
	}
	m.files = files
}

func projectVolume(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	version, err := os.MkdirTemp(dir, "..")
	if err != nil {
		return err
	}
	for name, content := range files {
		err := os.WriteFile(filepath.Join(version, name), content, 0o600)
		if lerr := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); !errors.Is(lerr, os.ErrExist) {
			err = errors.Join(err, lerr)
		}
		if err != nil {
			return err
		}
	}
	link := filepath.Join(dir, "..link")
	return errors.Join(os.Symlink(filepath.Base(version), link), os.Rename(link, filepath.Join(dir, "..data")))
}

// await returns when the server has loaded what its volumes hold.
func (m *member) await(t *testing.T, operator *serveradmin.Client) {
	t.Helper()
	want := settings.MemberStatus{
		LeafRevision:      settings.Revision(m.files["server-tls"][settings.TLSCertFile]),
		AdminLeafRevision: settings.Revision(m.files["server-tls"][settings.AdminCertFile]),
		TrustRevision:     settings.Revision(m.files["server-tls"][settings.CAFile]),
		AuthRevision:      settings.Revision(m.files["auth"][settings.CredentialsFile]),
		SigningRevision:   settings.Revision(m.files["signing-keys"][settings.SigningKeysFile]),
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		got, err := operator.Health(t.Context())
		if err == nil && got.LeafRevision == want.LeafRevision && got.AdminLeafRevision == want.AdminLeafRevision && got.TrustRevision == want.TrustRevision &&
			got.AuthRevision == want.AuthRevision && got.SigningRevision == want.SigningRevision {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s tells %+v, %v; its volumes hold %+v", m.name, got, err, want)
		}
	}
}

// dial reaches the admin port.
func (m *member) dial(ctx context.Context) (net.Conn, error) {
	if m.server == nil {
		return nil, errors.New("connection refused")
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", m.admin)
}

// stored is what the API server holds now.
func stored(c *env.Cluster) mounted {
	out := mounted{}
	for _, volume := range volumes {
		out[volume] = c.Secret("prod-" + volume).Data
	}
	return out
}

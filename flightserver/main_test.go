package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestFlagsOverrideTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "settings.yaml")
	content := `apiVersion: settings.flight-operator.io/v1alpha1
kind: ServerSettings
dataDir: /data
listen: :8815
opsListen: :8080
tls: {certFile: a.crt, keyFile: a.key}
`
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		args   []string
		want   func(*settings.ServerSettings)
	}{
		"None":     {"the file holds", nil, func(*settings.ServerSettings) {}},
		"One":      {"the rest holds", []string{"--listen", "127.0.0.1:1"}, func(s *settings.ServerSettings) { s.Listen = "127.0.0.1:1" }},
		"Empty":    {"empty means none, not the file's", []string{"--ops-listen", ""}, func(s *settings.ServerSettings) { s.OpsListen = "" }},
		"PartTLS":  {"a key alone takes the place of the key", []string{"--tls-key", "b.key"}, func(s *settings.ServerSettings) { s.TLS.KeyFile = "b.key" }},
		"NewTLS":   {"the file had none", []string{"--admin-client-ca", "ca"}, func(s *settings.ServerSettings) { s.AdminTLS = &settings.TLS{ClientCAFile: "ca"} }},
		"Insecure": {"a switch", []string{"--insecure"}, func(s *settings.ServerSettings) { s.Insecure = true }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
			addSettingsFlags(flags)
			if err := flags.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			got, err := loadSettings(file)
			if err != nil {
				t.Fatal(err)
			}
			overrideSettings(got, flags)
			want, err := loadSettings(file)
			if err != nil {
				t.Fatal(err)
			}
			tc.want(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestServePrintsOneLineAndEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, in := io.Pipe()
	cmd := newCommand()
	cmd.SetArgs([]string{"serve", "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0", "--ops-listen", ""})
	cmd.SetOut(in)
	cmd.SetErr(io.Discard)
	ended := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(ctx)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !regexp.MustCompile(`^flightserver ready grpc://127\.0\.0\.1:[1-9]\d*$`).MatchString(lines.Text()) {
		t.Errorf("first line = %q", lines.Text())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	if lines.Scan() {
		t.Errorf("second line = %q", lines.Text())
	}
}

func TestRefusedCommands(t *testing.T) {
	dir := t.TempDir()
	cases := map[string]struct {
		args []string
		want string
	}{
		"NoDataDir":     {[]string{"serve"}, "dataDir"},
		"OpenToAll":     {[]string{"serve", "--data-dir", dir, "--listen", ":0"}, "loopback only"},
		"HalfTLS":       {[]string{"serve", "--data-dir", dir, "--tls-cert", "a.crt"}, "keyFile"},
		"NoConfig":      {[]string{"serve", "--config", filepath.Join(dir, "none.yaml")}, "none.yaml"},
		"CheckNothing":  {[]string{"check"}, "data-dir"},
		"UnknownRole":   {[]string{"token", "--auth-file", filepath.Join(dir, "a"), "--name", "x", "--role", "Owner"}, "Owner"},
		"TokenForNoone": {[]string{"token", "--auth-file", filepath.Join(dir, "a"), "--role", "Reader"}, "name"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := run(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestTokenIsPrintedOnce(t *testing.T) {
	out, err := run(t, "token", "--auth-file", filepath.Join(t.TempDir(), "auth.yaml"), "--name", "me", "--role", "Reader")
	if err != nil || !regexp.MustCompile(`^fl1_[0-9a-f]{12}_[\w-]{43}\n$`).MatchString(out) {
		t.Errorf("output = %q, %v", out, err)
	}
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

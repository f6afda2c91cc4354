package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestUser(t *testing.T) {
	cases := map[string]struct {
		reason string
		stdin  string
		role   string
		want   string // in the error; empty: none
	}{
		"Line":    {reason: "as echo and password managers write it", stdin: "Needle\n", role: "Reader"},
		"NoLine":  {reason: "a file need not end its line", stdin: "Needle", role: "Reader"},
		"DOS":     {reason: "nor end it like Unix", stdin: "Needle\r\n", role: "Reader"},
		"Empty":   {reason: "a pipe that broke", stdin: "", role: "Reader", want: "password is empty"},
		"Long":    {reason: "not cut in silence", stdin: strings.Repeat("x", maxPassword+1), role: "Reader", want: "longer than"},
		"BadRole": {reason: "the server would refuse the file", stdin: "Needle\n", role: "Owner", want: "role"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "auth.yaml")
			var out bytes.Buffer
			cmd := newCommand()
			cmd.SetArgs([]string{"user", "--auth-file", file, "--name", "arya", "--role", tc.role})
			cmd.SetIn(strings.NewReader(tc.stdin))
			cmd.SetOut(&out)
			cmd.SetErr(&out)
			err := cmd.Execute()
			if (err == nil) != (tc.want == "") || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Fatalf("error = %v, want %q: %s", err, tc.want, tc.reason)
			}
			if err != nil {
				return
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			credentials, err := settings.ParseCredentials(content)
			if err != nil || len(credentials.Users) != 1 || credentials.Users[0].Name != "arya" {
				t.Errorf("users = %+v, %v", credentials, err)
			}
			if strings.Contains(string(content)+out.String(), "Needle") {
				t.Error("the password is in the file or in the output")
			}
		})
	}
}

package main

import (
	"github.com/spf13/pflag"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

type serverSettings = settings.ServerSettings

const (
	advertiseFlag = "advertise"
	insecureFlag  = "insecure"
)

// settingsFlags are the flags that override the settings file, each with the
// place of its value there.
var settingsFlags = []struct {
	name, usage string
	place       func(*serverSettings) *string
}{
	{"data-dir", "directory of the data; made when it is missing", func(s *serverSettings) *string { return &s.DataDir }},
	{"listen", "HOST:PORT of the data port, for clients, or unix:///PATH", func(s *serverSettings) *string { return &s.Listen }},
	{"admin-listen", "HOST:PORT of the admin port, for the operator; empty: none", func(s *serverSettings) *string { return &s.AdminListen }},
	{"ops-listen", "HOST:PORT of health, readiness and metrics; empty: none", func(s *serverSettings) *string { return &s.OpsListen }},
	{"tls-cert", "certificate of the data port (PEM), leaf first", func(s *serverSettings) *string { return &dataTLS(s).CertFile }},
	{"tls-key", "key of the certificate (PEM)", func(s *serverSettings) *string { return &dataTLS(s).KeyFile }},
	{"client-ca", "roots (PEM); given, clients of the data port need a certificate", func(s *serverSettings) *string { return &dataTLS(s).ClientCAFile }},
	{"admin-tls-cert", "certificate of the admin port (PEM), leaf first", func(s *serverSettings) *string { return &adminTLS(s).CertFile }},
	{"admin-tls-key", "key of the admin port's certificate (PEM)", func(s *serverSettings) *string { return &adminTLS(s).KeyFile }},
	{"admin-client-ca", "roots (PEM) of the operator's certificate", func(s *serverSettings) *string { return &adminTLS(s).ClientCAFile }},
	{"auth-file", "tokens and users, by 'flightserver token' and 'user'; none: all may do everything", func(s *serverSettings) *string { return &s.AuthFile }},
	{"signing-keys", "keys that sign tickets, bearers, links; none: one in the data directory", func(s *serverSettings) *string { return &s.SigningKeysFile }},
	{"http-listen", "HOST:PORT of links to data over HTTP; empty: none", func(s *serverSettings) *string { return &s.HTTPListen }},
	{"http-advertise", "URL that clients reach it at, such as https://flight.example:8443", func(s *serverSettings) *string { return &s.HTTPAdvertise }},
	{"log-format", "text or json", func(s *serverSettings) *string { return &s.LogFormat }},
}

func addSettingsFlags(flags *pflag.FlagSet) {
	for _, f := range settingsFlags {
		flags.String(f.name, *f.place(settings.Default()), f.usage)
	}
	flags.StringSlice(advertiseFlag, nil,
		"URI that clients reach the data port at, such as grpc+tls://flight.example:8815; several in the order to try them")
	flags.Bool(insecureFlag, false, "allow plaintext, or no auth file, on an address other than loopback")
}

// overrideSettings writes the flags that were given over what the file says.
func overrideSettings(s *serverSettings, flags *pflag.FlagSet) {
	for _, f := range settingsFlags {
		if flags.Changed(f.name) {
			*f.place(s) = flags.Lookup(f.name).Value.String()
		}
	}
	if uris, err := flags.GetStringSlice(advertiseFlag); err == nil && flags.Changed(advertiseFlag) {
		s.Advertise = uris
	}
	if flags.Changed(insecureFlag) {
		s.Insecure = flags.Lookup(insecureFlag).Value.String() == "true"
	}
}

func dataTLS(s *serverSettings) *settings.TLS { return orNew(&s.TLS) }

func adminTLS(s *serverSettings) *settings.TLS { return orNew(&s.AdminTLS) }

func orNew(t **settings.TLS) *settings.TLS {
	if *t == nil {
		*t = &settings.TLS{}
	}
	return *t
}

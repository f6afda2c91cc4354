package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestValidate(t *testing.T) {
	pair := TLS{CertFile: "tls.crt", KeyFile: "tls.key"}
	cases := map[string]struct {
		reason string
		edit   func(*ServerSettings)
		want   string // part of the error; empty: valid
	}{
		"Laptop": {
			reason: "The defaults and a data directory are enough.",
			edit:   func(*ServerSettings) {},
		},
		"NoDataDir": {
			reason: "There is no good default for where data lives.",
			edit:   func(s *ServerSettings) { s.DataDir = "" },
			want:   "dataDir: Required value",
		},
		"OpenToTheNetwork": {
			reason: "Data must not be open to a network by accident.",
			edit:   func(s *ServerSettings) { s.Listen = "0.0.0.0:8815" },
			want:   "say insecure",
		},
		"AllInterfaces": {
			reason: "An empty host is every interface.",
			edit:   func(s *ServerSettings) { s.Listen = ":8815" },
			want:   "say insecure",
		},
		"TLSWithoutAuth": {
			reason: "Encryption alone does not say who may read.",
			edit:   func(s *ServerSettings) { s.Listen, s.TLS = "0.0.0.0:8815", &pair },
			want:   "say insecure",
		},
		"AuthWithoutTLS": {
			reason: "A token in plaintext is everybody's.",
			edit:   func(s *ServerSettings) { s.Listen, s.AuthFile = "0.0.0.0:8815", "a" },
			want:   "say insecure",
		},
		"Secured": {
			reason: "Both together may listen anywhere.",
			edit:   func(s *ServerSettings) { s.Listen, s.TLS, s.AuthFile = "0.0.0.0:8815", &pair, "a" },
		},
		"Insecure": {
			reason: "Said out loud, it is the user's choice.",
			edit:   func(s *ServerSettings) { s.Listen, s.Insecure = "0.0.0.0:8815", true },
		},
		"IPv6Loopback": {
			reason: "::1 is loopback too.",
			edit:   func(s *ServerSettings) { s.Listen = "[::1]:0" },
		},
		"AddressWithoutPort": {
			reason: "net.Listen would say less.",
			edit:   func(s *ServerSettings) { s.Listen = "localhost" },
			want:   "listen: Invalid value: \"localhost\": must be HOST:PORT",
		},
		"HalfAPair": {
			reason: "A certificate is useless without its key.",
			edit:   func(s *ServerSettings) { s.TLS = &TLS{CertFile: "tls.crt"} },
			want:   "tls.keyFile: Required value",
		},
		"AdminWithoutClientCA": {
			reason: "The admin port has no other authentication.",
			edit:   func(s *ServerSettings) { s.AdminListen, s.AdminTLS = ":8816", &pair },
			want:   "adminTLS.clientCAFile: Required value",
		},
		"AdminWithOptionalClients": {
			reason: "Nor may it let anybody in.",
			edit: func(s *ServerSettings) {
				s.AdminListen, s.AdminTLS = ":8816", &TLS{CertFile: "c", KeyFile: "k", ClientCAFile: "ca", ClientAuth: ClientAuthOptional}
			},
			want: "adminTLS.clientAuth: Invalid value",
		},
		"ClientAuthWithoutCA": {
			reason: "Nothing could be checked against nothing.",
			edit: func(s *ServerSettings) {
				s.TLS = &TLS{CertFile: "c", KeyFile: "k", ClientAuth: ClientAuthOptional}
			},
			want: "tls.clientCAFile: Required value",
		},
		"UnknownClientAuth": {
			reason: "A typing error must not end in no check.",
			edit: func(s *ServerSettings) {
				s.TLS = &TLS{CertFile: "c", KeyFile: "k", ClientCAFile: "ca", ClientAuth: "require"}
			},
			want: "tls.clientAuth: Unsupported value",
		},
		"FewerFailuresThanNone": {
			reason: "Zero is no bound already.",
			edit:   func(s *ServerSettings) { s.Limits.FailuresPerMinute = -1 },
			want:   "limits.failuresPerMinute: Invalid value",
		},
		"AdvertiseWithoutScheme": {
			reason: "Clients get this text as a location and could not parse it.",
			edit:   func(s *ServerSettings) { s.Advertise = []string{"grpc://flight:8815", "flight.example:8815"} },
			want:   "advertise[1]: Invalid value",
		},
		"AdvertiseUnix": {
			reason: "A socket's URI has no host.",
			edit:   func(s *ServerSettings) { s.Advertise = []string{"grpc+unix:///run/flight.sock"} },
		},
		"AdvertiseTwice": {
			reason: "A client would try the same address twice.",
			edit:   func(s *ServerSettings) { s.Advertise = []string{"grpc://flight:8815", "grpc://flight:8815"} },
			want:   "advertise[1]: Duplicate value",
		},
		"SupersededTooShort": {
			reason: "A ticket must not outlive the version that it names.",
			edit:   func(s *ServerSettings) { s.KeepSuperseded = metav1.Duration{Duration: time.Minute} },
			want:   "keepSuperseded: Invalid value",
		},
		"Profile": {
			reason: "A typing error must not end in words that nobody expects.",
			edit:   func(s *ServerSettings) { s.Profile = "InfluxDB" },
			want:   "profile: Unsupported value",
		},
		"LogFormat": {
			reason: "A typing error must not end in no logs.",
			edit:   func(s *ServerSettings) { s.LogFormat = "xml" },
			want:   "logFormat: Unsupported value",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := Default()
			s.DataDir = "data"
			tc.edit(s)
			checkError(t, tc.reason, s.Validate(), tc.want)
		})
	}
}

func TestParseIsStrictAndKeepsDefaults(t *testing.T) {
	if _, err := Parse([]byte("dataDirectory: x\n")); err == nil || !strings.Contains(err.Error(), "dataDirectory") {
		t.Errorf("an unknown key must be refused by name, got %v", err)
	}
	s, err := Parse([]byte("dataDir: /data\ndrainTimeout: 5m\n"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != Default().Listen || s.DrainTimeout.Duration != 5*time.Minute {
		t.Errorf("want the default listen address and a drain of 5m, got %q and %s", s.Listen, s.DrainTimeout.Duration)
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	laptop := Default()
	laptop.DataDir, laptop.ClusterUID = "/data", "uid"
	for name, want := range map[string]*ServerSettings{
		"defaults": laptop,
		"zero":     {}, // what is switched off must not come back as its default
	} {
		t.Run(name, func(t *testing.T) {
			text, err := want.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			got, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	cases := map[string]struct {
		reason string
		edit   func(*Credentials)
		want   string
	}{
		"Good": {
			reason: "One token of each role and no anonymous access.",
			edit:   func(*Credentials) {},
		},
		"UnknownRole": {
			reason: "A role that is not known must not become the least or the most.",
			edit:   func(c *Credentials) { c.Tokens[0].Role = "Root" },
			want:   "tokens[0].role: Unsupported value",
		},
		"AnonymousRole": {
			reason: "The same for calls without credentials.",
			edit:   func(c *Credentials) { c.Anonymous = "Everyone" },
			want:   "anonymous: Unsupported value",
		},
		"PlainToken": {
			reason: "The file holds digests; a token pasted into it must not look valid.",
			edit:   func(c *Credentials) { c.Tokens[0].SHA256 = "fl1_secret" },
			want:   "tokens[0].sha256: Invalid value",
		},
		"DuplicateKeyID": {
			reason: "A key id finds one digest.",
			edit:   func(c *Credentials) { c.Tokens[1].KeyID = c.Tokens[0].KeyID },
			want:   "tokens[1].keyID: Duplicate value",
		},
		"Nameless": {
			reason: "Logs name the identity.",
			edit:   func(c *Credentials) { c.Tokens[2].Name = "" },
			want:   "tokens[2].name: Required value",
		},
		"EndsBeforeItBegins": {
			reason: "Nobody could use it.",
			edit: func(c *Credentials) {
				c.Tokens[0].NotBefore, c.Tokens[0].NotAfter = metav1.Unix(20, 0), metav1.Unix(20, 0)
			},
			want: "tokens[0].notAfter: Invalid value",
		},
		"Overlap": {
			reason: "Two tokens of one name may both be good for a while.",
			edit: func(c *Credentials) {
				c.Tokens[1].Name = c.Tokens[0].Name
				c.Tokens[0].NotAfter, c.Tokens[1].NotBefore = metav1.Unix(20, 0), metav1.Unix(10, 0)
			},
		},
		"Certificate": {
			reason: "A certificate may be all that somebody has.",
			edit:   func(c *Credentials) { c.ClientCertificates = []ClientCertificate{{"loader", RoleWriter}} },
		},
		"NamelessCertificate": {
			reason: "A certificate without a name would be everybody's.",
			edit:   func(c *Credentials) { c.ClientCertificates = []ClientCertificate{{"", RoleWriter}} },
			want:   "clientCertificates[0].commonName: Invalid value",
		},
		"CertificateTwice": {
			reason: "Which role it has must not depend on the order.",
			edit: func(c *Credentials) {
				c.ClientCertificates = []ClientCertificate{{"loader", RoleWriter}, {"loader", RoleReader}}
			},
			want: "clientCertificates[1].commonName: Duplicate value",
		},
		"CertificateRole": {
			reason: "As for tokens.",
			edit:   func(c *Credentials) { c.ClientCertificates = []ClientCertificate{{"loader", "Loader"}} },
			want:   "clientCertificates[0].role: Unsupported value",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &Credentials{}
			for i, r := range Roles() {
				c.Tokens = append(c.Tokens, Token{Name: string(r), KeyID: string(rune('a' + i)), SHA256: digest, Role: r})
			}
			tc.edit(c)
			text, err := c.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			_, err = ParseCredentials(text)
			checkError(t, tc.reason, err, tc.want)
		})
	}
}

func TestCredentialsErrorsHideDigests(t *testing.T) {
	c := &Credentials{Tokens: []Token{{Name: "a", KeyID: "k", SHA256: "fl1_k_averysecrettoken", Role: RoleReader}}}
	text, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseCredentials(text); err == nil || strings.Contains(err.Error(), "averysecrettoken") {
		t.Errorf("what stands where a digest belongs may be a token and must not be quoted, got %v", err)
	}
}

func checkError(t *testing.T, reason string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s\nunexpected error: %v", reason, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s\nwant an error with %q, got %v", reason, want, err)
	}
}

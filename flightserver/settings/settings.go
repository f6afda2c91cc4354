package settings

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// Identity of the settings file.
const (
	APIVersion         = "settings.flight-operator.io/v1alpha1"
	KindServerSettings = "ServerSettings"
)

// Log formats.
const (
	LogText = "text"
	LogJSON = "json"
)

// ProfileInfluxDB has errors as programs made for InfluxDB 3 know them.
const ProfileInfluxDB = "influxdb"

// ServerSettings is the content of --config. Flags override it. What is left out
// of the file has its default, so only what defaults to zero may be left out
// where it is zero.
type ServerSettings struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`

	DataDir     string `json:"dataDir,omitempty"`
	Listen      string `json:"listen"`                // HOST:PORT of the data port, or unix:///PATH
	AdminListen string `json:"adminListen,omitempty"` // HOST:PORT of the admin port; empty: none
	OpsListen   string `json:"opsListen"`             // HOST:PORT of the ops port; empty: none
	// Advertise has the URIs that clients reach the data port at, the best first.
	Advertise []string `json:"advertise,omitempty"`
	// HTTPListen is HOST:PORT of links to data, with the certificate of the data
	// port; empty: none. HTTPAdvertise is where clients reach it.
	HTTPListen    string `json:"httpListen,omitempty"`
	HTTPAdvertise string `json:"httpAdvertise,omitempty"`
	Insecure      bool   `json:"insecure,omitempty"` // plaintext or open to all on an address other than loopback

	TLS      *TLS   `json:"tls,omitempty"`      // of the data port; nil: plaintext
	AdminTLS *TLS   `json:"adminTLS,omitempty"` // of the admin port; clientCAFile is required
	AuthFile string `json:"authFile,omitempty"` // Credentials; empty: every call is allowed everything
	// SigningKeysFile holds SigningKeys for tickets, bearers and links, the same for
	// servers that take each other's; empty: one in the data directory.
	SigningKeysFile string `json:"signingKeysFile,omitempty"`

	// ClusterUID is written into a new data directory. A directory that holds
	// another is refused: it belongs to another cluster.
	ClusterUID string `json:"clusterUID,omitempty"`
	// DrainTimeout bounds the time that streams in flight have after SIGTERM.
	DrainTimeout metav1.Duration `json:"drainTimeout"`
	// DrainDelay is how long the server goes on after SIGTERM, no longer ready,
	// before it refuses new calls: whoever sends clients here hears of it first.
	DrainDelay metav1.Duration `json:"drainDelay,omitzero"`
	// KeepSuperseded is how long a version stays readable by tickets once a
	// newer one is there; at least a ticket's life.
	KeepSuperseded metav1.Duration `json:"keepSuperseded"`
	LogFormat      string          `json:"logFormat"` // text or json

	// Profile says whose words errors of the data port are told in: empty, or
	// ProfileInfluxDB.
	Profile string `json:"profile,omitempty"`
	// AuditLog is the file of decisions, or "stderr"; empty: they are not written.
	AuditLog string `json:"auditLog,omitempty"`

	Storage Storage  `json:"storage"`
	Limits  Limits   `json:"limits"`
	Tracing *Tracing `json:"tracing,omitempty"` // nil: as OpenTelemetry's environment variables say, else none
	// Reflection lets tools such as grpcurl ask the data port for its services.
	Reflection bool `json:"reflection,omitempty"`
}

// TLS names the files of one listener; all are followed while the server runs.
type TLS struct {
	CertFile     string `json:"certFile"`
	KeyFile      string `json:"keyFile"`
	ClientCAFile string `json:"clientCAFile,omitempty"` // roots of client certificates
	// ClientAuth says whether clients need a certificate of these roots; empty:
	// Require where there are any, else None.
	ClientAuth ClientAuth `json:"clientAuth,omitempty"`
}

// ClientAuth is what a listener asks of its clients.
type ClientAuth string

// What a listener may ask.
const (
	ClientAuthNone     ClientAuth = "None"     // no certificate
	ClientAuthOptional ClientAuth = "Optional" // one that it sends is checked
	ClientAuthRequire  ClientAuth = "Require"  // no certificate, no connection
)

// Asks gives what is asked of clients, never empty.
func (t *TLS) Asks() ClientAuth {
	switch {
	case t.ClientAuth != "":
		return t.ClientAuth
	case t.ClientCAFile != "":
		return ClientAuthRequire
	}
	return ClientAuthNone
}

// TicketLife is how long a ticket can be redeemed.
const TicketLife = time.Hour

// Default gives the settings of a server on a laptop.
func Default() *ServerSettings {
	return &ServerSettings{
		APIVersion:     APIVersion,
		Kind:           KindServerSettings,
		Listen:         fmt.Sprintf("127.0.0.1:%d", PortData),
		OpsListen:      fmt.Sprintf("127.0.0.1:%d", PortOps),
		DrainTimeout:   metav1.Duration{Duration: 30 * time.Second},
		KeepSuperseded: metav1.Duration{Duration: 24 * time.Hour},
		LogFormat:      LogText,
		Storage:        DefaultStorage(),
		Limits:         DefaultLimits(),
	}
}

// Parse decodes the content of a settings file over the defaults. It does not
// validate: flags may still complete what the file leaves open.
func Parse(data []byte) (*ServerSettings, error) {
	s := Default()
	if err := yaml.UnmarshalStrict(data, s); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return s, nil
}

// Marshal gives the file's content, the same bytes for equal settings.
func (s *ServerSettings) Marshal() ([]byte, error) { return yaml.Marshal(s) }

// Validate reports everything that is wrong, each with its field path.
func (s *ServerSettings) Validate() error {
	errs := validateHeader(s.APIVersion, s.Kind, KindServerSettings)
	if s.DataDir == "" {
		errs = append(errs, field.Required(field.NewPath("dataDir"), "say where the data lives"))
	}
	errs = append(errs, s.validateListeners()...)
	errs = append(errs, s.validateAdvertise()...)
	errs = append(errs, validateNotNegative(field.NewPath("drainTimeout"), s.DrainTimeout)...)
	errs = append(errs, validateNotNegative(field.NewPath("drainDelay"), s.DrainDelay)...)
	if s.KeepSuperseded.Duration < TicketLife {
		errs = append(errs, field.Invalid(field.NewPath("keepSuperseded"), s.KeepSuperseded.Duration.String(),
			fmt.Sprintf("must be at least %s, the life of a ticket", TicketLife)))
	}
	if s.LogFormat != LogText && s.LogFormat != LogJSON {
		errs = append(errs, field.NotSupported(field.NewPath("logFormat"), s.LogFormat, []string{LogText, LogJSON}))
	}
	if s.Profile != "" && s.Profile != ProfileInfluxDB {
		errs = append(errs, field.NotSupported(field.NewPath("profile"), s.Profile, []string{ProfileInfluxDB}))
	}
	errs = append(errs, s.Storage.validate(field.NewPath("storage"))...)
	errs = append(errs, s.Limits.validate(field.NewPath("limits"))...)
	errs = append(errs, s.Tracing.validate(field.NewPath("tracing"))...)
	return errs.ToAggregate()
}

func (s *ServerSettings) validateListeners() field.ErrorList {
	var errs field.ErrorList
	listen := field.NewPath("listen")
	if err := checkDataAddress(s.Listen); err != nil {
		errs = append(errs, field.Invalid(listen, s.Listen, err.Error()))
	} else if !s.Insecure && !isLoopback(s.Listen) && (s.TLS == nil || s.AuthFile == "") {
		errs = append(errs, field.Invalid(listen, s.Listen,
			"without both TLS and an auth file the server listens on loopback only; give them, or say insecure"))
	}
	for _, optional := range []struct{ name, address string }{{"adminListen", s.AdminListen}, {"opsListen", s.OpsListen}} {
		if optional.address == "" {
			continue
		}
		if err := checkAddress(optional.address); err != nil {
			errs = append(errs, field.Invalid(field.NewPath(optional.name), optional.address, err.Error()))
		}
	}
	errs = append(errs, s.validateHTTP()...)
	errs = append(errs, s.TLS.validate(field.NewPath("tls"))...)
	errs = append(errs, s.AdminTLS.validate(field.NewPath("adminTLS"))...)
	return append(errs, s.validateAdminTLS()...)
}

func (s *ServerSettings) validateAdminTLS() field.ErrorList {
	at := field.NewPath("adminTLS")
	switch {
	case s.AdminListen == "":
		return nil
	case s.AdminTLS == nil || s.AdminTLS.ClientCAFile == "":
		return field.ErrorList{field.Required(at.Child("clientCAFile"), "the admin port is always mutual TLS")}
	case s.AdminTLS.Asks() != ClientAuthRequire:
		return field.ErrorList{field.Invalid(at.Child("clientAuth"), s.AdminTLS.ClientAuth, "the admin port is always mutual TLS: say Require, or nothing")}
	}
	return nil
}

func (t *TLS) validate(at *field.Path) field.ErrorList {
	if t == nil {
		return nil
	}
	var errs field.ErrorList
	if t.CertFile == "" {
		errs = append(errs, field.Required(at.Child("certFile"), "a certificate and its key come together"))
	}
	if t.KeyFile == "" {
		errs = append(errs, field.Required(at.Child("keyFile"), "a certificate and its key come together"))
	}
	switch known := []ClientAuth{ClientAuthNone, ClientAuthOptional, ClientAuthRequire}; {
	case !slices.Contains(known, t.Asks()):
		errs = append(errs, field.NotSupported(at.Child("clientAuth"), t.ClientAuth, known))
	case t.Asks() != ClientAuthNone && t.ClientCAFile == "":
		errs = append(errs, field.Required(at.Child("clientCAFile"), "client certificates are checked against its roots"))
	}
	return errs
}

func validateNotNegative(at *field.Path, d metav1.Duration) field.ErrorList {
	if d.Duration < 0 {
		return field.ErrorList{field.Invalid(at, d.Duration.String(), "must not be negative")}
	}
	return nil
}

func validateHeader(apiVersion, kind, want string) field.ErrorList {
	var errs field.ErrorList
	if apiVersion != APIVersion {
		errs = append(errs, field.NotSupported(field.NewPath("apiVersion"), apiVersion, []string{APIVersion}))
	}
	if kind != want {
		errs = append(errs, field.NotSupported(field.NewPath("kind"), kind, []string{want}))
	}
	return errs
}

func (s *ServerSettings) validateAdvertise() field.ErrorList {
	var errs field.ErrorList
	schemes := []string{"grpc", "grpc+tcp", "grpc+tls", "grpc+unix"}
	for i, uri := range s.Advertise {
		at := field.NewPath("advertise").Index(i)
		u, err := url.Parse(uri)
		switch {
		case err != nil || !slices.Contains(schemes, u.Scheme) || (u.Host == "" && u.Scheme != "grpc+unix"):
			errs = append(errs, field.Invalid(at, uri, "must be a URI such as grpc+tls://flight.example:8815"))
		case slices.Contains(s.Advertise[:i], uri):
			errs = append(errs, field.Duplicate(at, uri))
		}
	}
	return errs
}

func checkAddress(address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("must be HOST:PORT: %w", err)
	}
	return nil
}

func isLoopback(address string) bool {
	if _, ok := UnixSocket(address); ok {
		return true // nobody but this machine's users reaches it
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

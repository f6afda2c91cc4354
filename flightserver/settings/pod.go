package settings

// Ports that a server in a pod listens on.
const (
	PortData  = 8815 // Flight and Flight SQL, for clients
	PortAdmin = 8816 // Flight actions for the operator, always mutual TLS
	PortOps   = 8080 // health, readiness, metrics: plaintext, no data
)

// Places of files in a server's pod. Each directory is a volume of its own, so
// that the kubelet can replace its content while the server runs.
const (
	PodDataDir      = "/data"
	PodSettingsDir  = "/etc/flightserver/settings"
	PodCredentials  = "/etc/flightserver/auth"
	PodServerTLSDir = "/etc/flightserver/tls"
	PodSigningDir   = "/etc/flightserver/signing"

	SettingsFile    = "settings.yaml"
	CredentialsFile = "credentials.yaml"
	SigningKeysFile = "signing-keys.yaml"

	TLSCertFile = "tls.crt" // leaf first, then intermediates
	TLSKeyFile  = "tls.key"
	// AdminCertFile and AdminKeyFile are the admin port's own: only the operator
	// meets it, whatever certificate clients are shown.
	AdminCertFile = "admin.crt"
	AdminKeyFile  = "admin.key"
	CAFile        = "ca.crt" // roots that a peer's certificate is checked against
	// ClientCAFile has those of the certificates of clients.
	ClientCAFile = "client-ca.crt"
)

// OperatorCommonName is the common name of the operator's client certificate.
// The admin port admits no other.
const OperatorCommonName = "flight-operator"

package target

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// TokenEnv is the environment variable that holds a token where no flag does.
const TokenEnv = "FLIGHT_TOKEN"

// Options say which server is meant and how to prove who is asking.
type Options struct {
	Server    string // URI; empty: a FlightCluster's
	CAFile    string
	Token     string
	TokenFile string
	Cluster   string // FlightCluster; empty: the only one of the namespace
	TokenName string // token of the cluster; empty: the mightiest
	Kube      *genericclioptions.ConfigFlags
}

// NewOptions gives options with kubectl's own flags for the Kubernetes cluster.
func NewOptions() *Options {
	kube := genericclioptions.NewConfigFlags(true)
	// These have names that mean something else here.
	kube.ClusterName, kube.APIServer, kube.BearerToken = nil, nil, nil
	// A kubeconfig says these; they would only hide our flags in the help.
	kube.CacheDir, kube.CAFile, kube.CertFile, kube.KeyFile = nil, nil, nil, nil
	kube.Insecure, kube.TLSServerName, kube.Timeout = nil, nil, nil
	kube.DisableCompression, kube.AuthInfoName, kube.ProxyURL = nil, nil, nil
	kube.ImpersonateUID, kube.ImpersonateUserExtra = nil, nil
	return &Options{Kube: kube}
}

// AddFlags adds the flags of every command.
func (o *Options) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.Server, "server", "", "URI of the server: grpc://HOST:PORT, or grpc+tls://HOST:PORT with TLS")
	flags.StringVar(&o.CAFile, "ca", "", "file with the authority that the server's certificate is checked against (default: the system's)")
	flags.StringVar(&o.Token, "token", "", "bearer token (default: $"+TokenEnv+"); other users of this machine may see it, --token-file keeps it to yourself")
	flags.StringVar(&o.TokenFile, "token-file", "", "file that holds the bearer token")
	flags.StringVar(&o.Cluster, "cluster", "", "FlightCluster to connect to (default: the only one of the namespace)")
	flags.StringVar(&o.TokenName, "token-name", "", "which of the cluster's tokens to use (default: the one with the most rights that you may read)")
	o.Kube.AddFlags(flags)
}

// Resolve finds the server. need is what will be asked of it.
func (o *Options) Resolve(ctx context.Context, need Role) (*Target, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	token, err := o.givenToken()
	if err != nil {
		return nil, err
	}
	if o.Server != "" {
		return o.named(token)
	}
	kube, err := o.Kubernetes()
	if err != nil {
		return nil, err
	}
	return kube.target(ctx, o, token, need)
}

func (o *Options) check() error {
	switch {
	case o.Server != "" && o.Cluster != "":
		return errors.New("--server and --cluster exclude each other: give the one that you mean")
	case o.Server != "" && o.TokenName != "":
		return errors.New("--token-name chooses a token of a FlightCluster; with --server give --token-file")
	case o.Server == "" && o.CAFile != "":
		return errors.New("--ca goes with --server; the authority of a FlightCluster is known")
	case o.Token != "" && o.TokenFile != "":
		return errors.New("--token and --token-file exclude each other: give one")
	case o.TokenName != "" && (o.Token != "" || o.TokenFile != ""):
		return errors.New("--token-name excludes --token and --token-file: give one")
	}
	return nil
}

// givenToken is the token that the user states, if any. One that --token-name
// chooses goes before the environment's.
func (o *Options) givenToken() (string, error) {
	switch {
	case o.Token != "":
		return o.Token, nil
	case o.TokenFile != "":
		content, err := os.ReadFile(o.TokenFile)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		token := strings.TrimSpace(string(content))
		if token == "" {
			return "", fmt.Errorf("--token-file: %s is empty", o.TokenFile)
		}
		return token, nil
	case o.TokenName != "":
		return "", nil
	}
	return os.Getenv(TokenEnv), nil
}

// named gives the target that --server names.
func (o *Options) named(token string) (*Target, error) {
	t, err := newTarget(o.Server)
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	t.token, t.follow = token, true
	if o.CAFile == "" {
		return t, nil
	}
	if t.tls == nil {
		return nil, fmt.Errorf("--ca is for TLS, and %s is plaintext: say grpc+tls://", o.Server)
	}
	ca, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	if err := t.trust(ca); err != nil {
		return nil, fmt.Errorf("--ca: %s: %w", o.CAFile, err)
	}
	return t, nil
}

package target

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Role is what a command asks of the server.
type Role = settings.Role

// tokenKey is the key of a token's Secret that holds the token.
const tokenKey = "token"

// handover is what a token's Secret tells a client.
type handover struct {
	token string
	ca    []byte // empty: not told
}

// clusterToken reads one of the cluster's tokens: the one of the name or else
// the mightiest whose Secret may be read. A cluster that lets anybody in needs
// none.
func (k *Kubernetes) clusterToken(ctx context.Context, cr *v1alpha1.FlightCluster, name string, need Role) (handover, error) {
	candidates, err := candidateTokens(cr, name, need)
	if err != nil {
		return handover{}, err
	}
	var refusals []string
	for _, c := range candidates {
		h, err := k.readToken(ctx, cr, c)
		if err == nil {
			return h, nil
		}
		refusals = append(refusals, err.Error())
	}
	if mayAnonymous(cr, need) && name == "" {
		return handover{}, nil
	}
	if len(candidates) == 0 {
		return handover{}, fmt.Errorf("FlightCluster %q has no token that may do this: "+
			"add one with role %s to its spec.auth.tokens, or give --token-file", cr.Name, need)
	}
	return handover{}, fmt.Errorf("no token of FlightCluster %q can be had: %s; give --token-file", cr.Name, strings.Join(refusals, "; "))
}

// candidateTokens gives the tokens that may do what is needed, the mightiest
// first.
func candidateTokens(cr *v1alpha1.FlightCluster, name string, need Role) ([]v1alpha1.TokenSpec, error) {
	var found []v1alpha1.TokenSpec
	var names []string
	if cr.Spec.Auth != nil {
		for _, t := range cr.Spec.Auth.Tokens {
			names = append(names, t.Name)
			// A token that was asked for is tried whatever its role.
			if t.Name == name || name == "" && rank(Role(t.Role)) >= rank(need) {
				found = append(found, t)
			}
		}
	}
	if name != "" && len(found) == 0 {
		return nil, fmt.Errorf("FlightCluster %q has no token %q; it has: %s", cr.Name, name, strings.Join(names, ", "))
	}
	slices.SortStableFunc(found, func(a, b v1alpha1.TokenSpec) int { return rank(Role(b.Role)) - rank(Role(a.Role)) })
	return found, nil
}

func (k *Kubernetes) readToken(ctx context.Context, cr *v1alpha1.FlightCluster, t v1alpha1.TokenSpec) (handover, error) {
	name := t.SecretName
	if name == "" {
		name = cr.Name + "-token-" + t.Name
	}
	secret := &corev1.Secret{}
	if err := k.Get(ctx, client.ObjectKey{Namespace: cr.Namespace, Name: name}, secret); err != nil {
		return handover{}, err
	}
	token := string(secret.Data[tokenKey])
	if token == "" {
		return handover{}, fmt.Errorf("the Secret %q has no key %q", name, tokenKey)
	}
	return handover{token: token, ca: secret.Data[settings.CAFile]}, nil
}

// mayAnonymous tells whether a caller without a token may do what is needed.
func mayAnonymous(cr *v1alpha1.FlightCluster, need Role) bool {
	return cr.Spec.Auth != nil && rank(Role(cr.Spec.Auth.Anonymous)) >= rank(need)
}

// rank orders the roles; what is no role may nothing.
func rank(r Role) int { return slices.Index(settings.Roles(), r) }

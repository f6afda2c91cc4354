package settings

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ServiceAccounts gives roles to ServiceAccounts of the Kubernetes that the
// server runs in. It asks the API server whose a token is, for which its own
// ServiceAccount needs the right to create TokenReviews.
type ServiceAccounts struct {
	// Audience that tokens must be made for: what was made for something else is
	// not taken here, and what is taken here is of no use elsewhere.
	Audience string                  `json:"audience"`
	Bindings []ServiceAccountBinding `json:"bindings"`
}

// ServiceAccountBinding gives a role to one ServiceAccount.
type ServiceAccountBinding struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Role      Role   `json:"role"`
}

// ServiceAccountName is what servers call a ServiceAccount. Neither part has a
// slash.
func ServiceAccountName(namespace, name string) string { return namespace + "/" + name }

// maxAudience bounds what is compared with each token.
const maxAudience = 253

func (s *ServiceAccounts) validate(at *field.Path) field.ErrorList {
	if s == nil {
		return nil
	}
	var errs field.ErrorList
	if s.Audience == "" || len(s.Audience) > maxAudience {
		errs = append(errs, field.Invalid(at.Child("audience"), s.Audience,
			fmt.Sprintf("must have 1 to %d bytes: say what tokens are made for, such as flight.example", maxAudience)))
	}
	if len(s.Bindings) == 0 {
		errs = append(errs, field.Required(at.Child("bindings"), "say which ServiceAccounts have a role; for none leave out serviceAccounts"))
	}
	seen := map[string]bool{}
	for i, b := range s.Bindings {
		here := at.Child("bindings").Index(i)
		errs = append(errs, validateServiceAccount(here, b.Namespace, b.Name)...)
		errs = append(errs, validateRole(here.Child("role"), b.Role)...)
		account := ServiceAccountName(b.Namespace, b.Name)
		if seen[account] {
			errs = append(errs, field.Duplicate(here, account))
		}
		seen[account] = true
	}
	return errs
}

func validateServiceAccount(at *field.Path, namespace, name string) field.ErrorList {
	var errs field.ErrorList
	for _, why := range validation.IsDNS1123Label(namespace) {
		errs = append(errs, field.Invalid(at.Child("namespace"), namespace, why))
	}
	for _, why := range validation.IsDNS1123Subdomain(name) {
		errs = append(errs, field.Invalid(at.Child("name"), name, why))
	}
	return errs
}

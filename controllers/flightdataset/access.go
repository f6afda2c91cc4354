package flightdataset

import (
	"slices"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// accessRules are those of the spec as the server is told them. None at all and
// an empty list are not the same: one leaves the dataset to the roles, the other
// lets nobody in.
func accessRules(rules []v1alpha1.AccessRule) []settings.AccessRule {
	if rules == nil {
		return nil
	}
	out := make([]settings.AccessRule, len(rules))
	for i, rule := range rules {
		for _, s := range rule.Subjects {
			out[i].Subjects = append(out[i].Subjects, subject(s))
		}
		for _, verb := range rule.Verbs {
			out[i].Verbs = append(out[i].Verbs, settings.AccessVerb(verb))
		}
	}
	return out
}

func subject(s v1alpha1.AccessSubject) settings.Subject {
	return settings.Subject{Kind: settings.SubjectKind(s.Kind), Namespace: s.Namespace, Name: s.Name}
}

// access tells what the rules come to in a cluster; nil: there are none.
func access(cr *v1alpha1.FlightDataset, cluster *v1alpha1.FlightCluster) *status.Access {
	if cr.Spec.Access == nil {
		return nil
	}
	known, out := subjects(cluster), &status.Access{Rules: len(cr.Spec.Access)}
	for _, rule := range cr.Spec.Access {
		for _, s := range rule.Subjects {
			if text := string(s.Kind) + " " + subject(s).Identity(); !known[s] && !slices.Contains(out.Unknown, text) {
				out.Unknown = append(out.Unknown, text)
			}
		}
	}
	return out
}

// subjects are those that rules about datasets of a cluster can name.
func subjects(cluster *v1alpha1.FlightCluster) map[v1alpha1.AccessSubject]bool {
	known := map[v1alpha1.AccessSubject]bool{}
	auth := cluster.Spec.Auth
	if auth == nil {
		return known
	}
	for _, t := range auth.Tokens {
		known[v1alpha1.AccessSubject{Kind: v1alpha1.SubjectToken, Name: t.Name}] = true
	}
	for _, u := range auth.Users {
		known[v1alpha1.AccessSubject{Kind: v1alpha1.SubjectUser, Name: u.Name}] = true
	}
	for _, c := range auth.ClientCertificates {
		known[v1alpha1.AccessSubject{Kind: v1alpha1.SubjectClientCertificate, Name: c.CommonName}] = true
	}
	if auth.ServiceAccounts != nil {
		for _, b := range auth.ServiceAccounts.Bindings {
			known[v1alpha1.AccessSubject{Kind: v1alpha1.SubjectServiceAccount, Namespace: b.Namespace, Name: b.Name}] = true
		}
	}
	return known
}

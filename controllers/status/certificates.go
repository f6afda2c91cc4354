package status

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// CertificatesReady tells whether certificates are issued, valid and loaded.
func CertificatesReady(o *Observation) metav1.Condition {
	const kind = v1alpha1.ConditionCertificatesReady
	c, fault := o.Certificates, o.OfferFault
	switch {
	case c == nil && fault == nil:
		return isFalse(kind, v1alpha1.ReasonCertificatesMissing, "certificates are not issued yet")
	case c != nil && !o.Now.Before(c.LeafExpires):
		return isFalse(kind, v1alpha1.ReasonCertificatesExpired, ended(c, fault))
	case fault != nil:
		return isFalse(kind, fault.Reason, fault.Message)
	}
	if why := loading(o, c); why != "" {
		return isFalse(kind, v1alpha1.ReasonMembersLoading, why)
	}
	if o.ClientCAFault != "" {
		return isFalse(kind, v1alpha1.ReasonClientCAsInvalid, o.ClientCAFault)
	}
	if c.Phase != v1alpha1.PKIStable {
		return isTrue(kind, v1alpha1.ReasonAuthorityChanging, changing(c))
	}
	if len(o.Members) == 0 {
		return isTrue(kind, v1alpha1.ReasonCertificatesIssued, "issued; no member runs that could load them")
	}
	return isTrue(kind, v1alpha1.ReasonCertificatesLoaded, "every member has loaded its certificate, valid until "+day(c.LeafExpires))
}

// loading says what is waited for, and for how long the wait does no harm where
// it holds up a new authority.
func loading(o *Observation, c *Certificates) string {
	for _, file := range []struct {
		name, revision string
		loaded         func(*settings.MemberStatus) string
	}{
		{"roots", c.Revisions.Trust, func(s *settings.MemberStatus) string { return s.TrustRevision }},
		{"certificate", c.Revisions.Leaf, func(s *settings.MemberStatus) string { return s.LeafRevision }},
		{"certificate of the admin port", c.Revisions.AdminLeaf, func(s *settings.MemberStatus) string { return s.AdminLeafRevision }},
		{"client CAs", c.Revisions.ClientCA, func(s *settings.MemberStatus) string { return s.ClientCARevision }},
	} {
		behind, why := lagging(o, file.name, file.revision, file.loaded)
		if behind == nil {
			continue
		}
		if c.Phase == v1alpha1.PKITrusting && behind.speaks() {
			why += "; the new authority waits for it, until " + moment(c.Deadline) +
				" at the latest: when it lasts, look at the pod's log, or delete the pod"
		}
		return why
	}
	return ""
}

func ended(c *Certificates, fault *Fault) string {
	why := "the members' certificate ended on " + day(c.LeafExpires)
	if fault != nil {
		why += "; " + fault.Message
	}
	return why
}

// changing says what clients have to do while a new authority takes over.
func changing(c *Certificates) string {
	switch c.Phase {
	case v1alpha1.PKITrusting:
		if c.Until.IsZero() {
			return "a new authority is being published"
		}
		return fmt.Sprintf("a new authority signs from %s on: clients that keep a copy of ca.crt need the new one by then", moment(c.Until))
	case v1alpha1.PKIIssuing:
		return "a new authority signs: clients need the ca.crt that is published"
	}
	return fmt.Sprintf("a new authority has taken over: the old one is no longer trusted from %s on", moment(c.Until))
}

// lagging finds a member that has not loaded the revision of a file that was
// written, or has not told: one that serves, before one that cannot.
func lagging(o *Observation, file, revision string, loaded func(*settings.MemberStatus) string) (behind *Member, why string) {
	for i := range o.Members {
		m := &o.Members[i]
		if behind != nil && (behind.speaks() || !m.speaks()) {
			continue
		}
		switch {
		case m.Stopping:
		case m.Answer == nil && m.Problem != "":
			behind, why = m, fmt.Sprintf("pod %s: %s", m.Name, m.Problem)
		case m.Answer == nil:
			behind, why = m, fmt.Sprintf("pod %s starts", m.Name)
		case loaded(m.Answer) != revision:
			behind, why = m, fmt.Sprintf("pod %s has not loaded %s %s yet", m.Name, file, revision)
		}
	}
	return behind, why
}

// speaks tells whether somebody may meet the member as it is: a new authority or
// token does not wait for one that has to start first.
func (m *Member) speaks() bool { return m.Ready || m.Answer != nil }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

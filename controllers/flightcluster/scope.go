package flightcluster

import (
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/rotation"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

var (
	// errConflict: an object of the name that a child needs is somebody else's.
	errConflict = errors.New("not made by this FlightCluster")
	// errLeftover: it belongs to a deleted cluster of the same name and is about
	// to go.
	errLeftover = errors.New("left over from a deleted FlightCluster of this name")
)

// scope is what the steps of one reconcile share.
type scope struct {
	cr, stored *v1alpha1.FlightCluster
	now        time.Time

	// desired is filled by the plan steps and read by the others.
	desired resource.Desired
	// pairs are those that the API server holds: what members can have.
	pairs    pki.Set
	handover pki.Handover // what clients meet and trust
	policy   pki.Policy   // of both
	changes  []pki.Change
	facts    pki.Facts // of both
	issued   bool      // false: some pair is missing, and facts are zero
	// offerFault is what is wrong with the certificate that the provider has; nil:
	// nothing.
	offerFault   *status.Fault
	issuedSecret *corev1.Secret // that cert-manager wrote; nil: none
	takenOver    bool           // it is the one that clients meet from now on

	// record is what the operator remembers of tokens and users.
	record       rotation.Record
	tokenChanges []rotation.Change
	// writable are the tokens whose Secret is the operator's to write.
	writable []v1alpha1.TokenSpec
	// credentials are those that are stored, for servers to load.
	credentials *settings.Credentials
	signers     rotation.Signers
	// userFaults tell which Secrets of users are of no use.
	userFaults []string
	// clientCAFault tells why the authorities of clients are of no use.
	clientCAFault string

	// kept are the Secrets, by name, whose content was read and goes on.
	kept map[string]types.UID

	// differing children, while paused, and requests that wait.
	differing []string
	stall     *status.Stall
	unapplied bool   // a child is not as planned, by a stall
	waiting   string // why a reconcile ended before anything was observed

	revision string // of the StatefulSet's newest template
	members  []status.Member
	storage  status.Storage
	// observed says that members and storage were looked at: an early end says
	// nothing about them.
	observed bool
}

// observation is what conditions are made from.
func (s *scope) observation() *status.Observation {
	return &status.Observation{
		Replicas:      resource.Replicas(s.cr),
		Paused:        s.differing,
		Members:       s.members,
		Certificates:  s.certificates(),
		OfferFault:    s.offerFault,
		AuthRevision:  s.authRevision(),
		UserFaults:    s.userFaults,
		ClientCAFault: s.clientCAFault,
		Storage:       s.storage,
		Stall:         s.stall,
		Now:           s.now,
	}
}

// keep has a Secret be written only as long as it is there: who deletes one
// while a reconcile is under way wants to be rid of the key in it.
func (s *scope) keep(secret *corev1.Secret) {
	if secret.UID == "" {
		return // it is about to be made
	}
	if s.kept == nil {
		s.kept = map[string]types.UID{}
	}
	s.kept[secret.Name] = secret.UID
}

// stallOn remembers the first thing that only the user can mend.
func (s *scope) stallOn(reason, message string) {
	if s.stall == nil {
		s.stall = &status.Stall{Reason: reason, Message: message}
	}
}

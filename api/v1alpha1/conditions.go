package v1alpha1

// Conditions of every kind. kstatus reads these three, and with it kubectl
// wait, Argo CD and Flux.
const (
	// ConditionReady is True when the resource is as its spec asks and serves.
	// Otherwise its message is that of the first condition that fails.
	ConditionReady = "Ready"
	// ConditionReconciling is True while the operator works, or waits for
	// something that comes by itself. Nobody needs to act.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when the operator cannot go on until somebody
	// changes what the message names.
	ConditionStalled = "Stalled"
)

// Reasons of every kind.
const (
	// ReasonReady: nothing is left to do.
	ReasonReady = "Ready"
	// ReasonProgressing: the operator is working; the message tells at what.
	ReasonProgressing = "Progressing"
	// ReasonRetrying: an attempt failed and is repeated; when it lasts, look at
	// the error in the message.
	ReasonRetrying = "Retrying"
	// ReasonNameConflict: an object that something else made has the name of one
	// that the operator needs. Delete or rename it, or choose another name.
	ReasonNameConflict = "NameConflict"
	// ReasonInvalid: Kubernetes refuses an object that follows from the spec.
	// Correct what the message names.
	ReasonInvalid = "Invalid"
)

// Conditions of a FlightCluster.
const (
	// ConditionAvailable is True when at least one member serves clients.
	ConditionAvailable = "Available"
	// ConditionMembersUpToDate is True when every member runs with the image,
	// settings and resources that the spec asks for.
	ConditionMembersUpToDate = "MembersUpToDate"
	// ConditionCertificatesReady is True when certificates are issued, valid and
	// loaded by every running member.
	ConditionCertificatesReady = "CertificatesReady"
	// ConditionCredentialsReady is True when every token has its Secret, every user
	// has a password, and every running member knows them.
	ConditionCredentialsReady = "CredentialsReady"
	// ConditionStorageReady is True when every volume claim is bound and as large
	// as the spec asks.
	ConditionStorageReady = "StorageReady"
)

// Reasons of a FlightCluster.
const (
	// ReasonPaused: spec.paused is set and the children differ from the spec, or
	// an annotation asks for something. Unset it to let the operator go on.
	ReasonPaused = "Paused"
	// ReasonScaledToZero: spec.replicas is 0; volumes and their data are kept.
	ReasonScaledToZero = "ScaledToZero"
	// ReasonImageMissing: neither spec.image nor the operator's --server-image
	// says what to run.
	ReasonImageMissing = "ImageMissing"

	// ReasonMembersServing: Available is True.
	ReasonMembersServing = "MembersServing"
	// ReasonNoMemberServing: no pod is ready yet; the message repeats what the
	// pod says about itself.
	ReasonNoMemberServing = "NoMemberServing"

	// ReasonMembersCurrent: MembersUpToDate is True.
	ReasonMembersCurrent = "MembersCurrent"
	// ReasonUpdating: members are being replaced, one after the other.
	ReasonUpdating = "Updating"

	// ReasonCertificatesLoaded: CertificatesReady is True.
	ReasonCertificatesLoaded = "CertificatesLoaded"
	// ReasonCertificatesIssued: issued and valid; no member runs that could load
	// them.
	ReasonCertificatesIssued = "CertificatesIssued"
	// ReasonCertificatesMissing: none are issued yet.
	ReasonCertificatesMissing = "CertificatesMissing"
	// ReasonCertificatesExpired: the members' certificate or its authority has
	// ended.
	ReasonCertificatesExpired = "CertificatesExpired"
	// ReasonCertManagerMissing: the API server knows no Certificate. Install
	// cert-manager, which is noticed within a minute, or choose another
	// spec.tls.provider.
	ReasonCertManagerMissing = "CertManagerMissing"
	// ReasonNotIssued: cert-manager has not issued the certificate. The message
	// repeats what it says; when it lasts, look at its issuer.
	ReasonNotIssued = "NotIssued"
	// ReasonCertificateInvalid: what the provider gave is of no use for the reason
	// in the message, which names what to mend. The last good certificate stays in
	// force.
	ReasonCertificateInvalid = "CertificateInvalid"
	// ReasonAuthorityChanging: everything works while a new authority takes over.
	// Clients that keep a copy of ca.crt need the new one by the time that the
	// message names.
	ReasonAuthorityChanging = "AuthorityChanging"
	// ReasonClientCAsInvalid: what tls.clientCAs names is missing, or holds no
	// certificates; the message tells what it should hold. Members go on with
	// those that they have.
	ReasonClientCAsInvalid = "ClientCAsInvalid"
	// ReasonMembersLoading: a member has not yet loaded what was written. The
	// kubelet carries it there within about a minute.
	ReasonMembersLoading = "MembersLoading"

	// ReasonCredentialsLoaded: CredentialsReady is True.
	ReasonCredentialsLoaded = "CredentialsLoaded"
	// ReasonCredentialsWritten: written; no member runs that could load them.
	ReasonCredentialsWritten = "CredentialsWritten"
	// ReasonCredentialsMissing: not written yet.
	ReasonCredentialsMissing = "CredentialsMissing"
	// ReasonUserSecretInvalid: the Secret of a user is missing or has no password;
	// the message names it and what it should hold. The user's last good password
	// stays in force.
	ReasonUserSecretInvalid = "UserSecretInvalid"

	// ReasonReviewsForbidden: the servers cannot be given the right to review tokens
	// of ServiceAccounts, which the operator is installed without. Install it, or
	// remove auth.serviceAccounts; the message has the names. All else works.
	ReasonReviewsForbidden = "ReviewsForbidden"

	// ReasonVolumesBound: StorageReady is True.
	ReasonVolumesBound = "VolumesBound"
	// ReasonNoVolumes: no member has needed a volume yet.
	ReasonNoVolumes = "NoVolumes"
	// ReasonVolumesPending: a claim is not bound yet. When it lasts, look at the
	// claim's events: the storage class may be missing or full.
	ReasonVolumesPending = "VolumesPending"
	// ReasonResizing: a volume is being enlarged.
	ReasonResizing = "Resizing"
	// ReasonResizeRefused: Kubernetes refuses to enlarge the claim, most often
	// because its storage class has no allowVolumeExpansion.
	ReasonResizeRefused = "ResizeRefused"
)

// Conditions of a FlightDataset.
const (
	// ConditionClusterReachable is True when the dataset's cluster exists and its
	// member answers the operator.
	ConditionClusterReachable = "ClusterReachable"
	// ConditionSchemaApplied is True when the server keeps the dataset with the
	// schema and format of the spec.
	ConditionSchemaApplied = "SchemaApplied"
	// ConditionAccessApplied is True when the server lets in whom the spec says,
	// and nobody else.
	ConditionAccessApplied = "AccessApplied"
)

// Reasons of a FlightDataset.
const (
	// ReasonClusterAnswers: ClusterReachable is True.
	ReasonClusterAnswers = "ClusterAnswers"
	// ReasonClusterNotFound: spec.clusterRef names no FlightCluster of this
	// namespace. Create it; the dataset follows by itself.
	ReasonClusterNotFound = "ClusterNotFound"
	// ReasonClusterUnavailable: the cluster has no member that serves.
	ReasonClusterUnavailable = "ClusterUnavailable"
	// ReasonClusterUnreachable: the member serves but does not answer the
	// operator. When it lasts, look at the error in the message.
	ReasonClusterUnreachable = "ClusterUnreachable"
	// ReasonConflict: an older FlightDataset declares the same path of the same
	// cluster. Delete one of the two.
	ReasonConflict = "Conflict"
	// ReasonDeclared: SchemaApplied is True.
	ReasonDeclared = "Declared"
	// ReasonRolesDecide: AccessApplied is True, and the spec has no access rules.
	ReasonRolesDecide = "RolesDecide"
	// ReasonRulesDecide: AccessApplied is True, and the rules of the spec hold.
	ReasonRulesDecide = "RulesDecide"
	// ReasonSubjectUnknown: AccessApplied is True, but a rule names credentials
	// that the FlightCluster does not have. Correct the name, or add them there.
	ReasonSubjectUnknown = "SubjectUnknown"
	// ReasonNotDeclared: the server has not been asked yet.
	ReasonNotDeclared = "NotDeclared"
	// ReasonRefused: the server keeps a dataset of that name which differs from
	// the spec, or cannot keep what the spec asks; the message tells in what.
	ReasonRefused = "Refused"
	// ReasonDropping: the resource is being deleted and its data with it.
	ReasonDropping = "Dropping"
)

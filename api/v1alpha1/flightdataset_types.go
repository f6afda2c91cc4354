package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// FlightDataset declares a dataset of a FlightCluster. A dataset that a client
// uploads needs none; one that is there already is adopted.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=fds,categories=flight
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name=Ready,type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name=Cluster,type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name=Rows,type=integer,JSONPath=`.status.rows`
// +kubebuilder:printcolumn:name=Bytes,type=integer,JSONPath=`.status.bytes`
// +kubebuilder:printcolumn:name=Version,type=integer,priority=1,JSONPath=`.status.version`
// +kubebuilder:printcolumn:name=Message,type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type FlightDataset struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec FlightDatasetSpec `json:"spec"`
	// +optional
	Status FlightDatasetStatus `json:"status,omitempty"`
}

// FlightDatasetList is a list of FlightDatasets.
//
// +kubebuilder:object:root=true
type FlightDatasetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []FlightDataset `json:"items"`
}

// FlightDatasetSpec is what a dataset should be.
//
// +kubebuilder:validation:XValidation:rule="has(self.path) == has(oldSelf.path) && (!has(self.path) || self.path == oldSelf.path)",fieldPath=".path",reason=FieldValueForbidden,message="path cannot be changed: it is the dataset's name; make a new FlightDataset with the new path"
// +kubebuilder:validation:XValidation:rule="has(self.format) == has(oldSelf.format) && (!has(self.format) || self.format == oldSelf.format)",fieldPath=".format",reason=FieldValueForbidden,message="format cannot be changed: the files are written in it; make a new FlightDataset and copy the data"
// +kubebuilder:validation:XValidation:rule="!has(self.compression) || self.compression == 'None' || (has(self.format) ? self.format == 'Arrow' : !has(self.path) || !self.path[self.path.size()-1].endsWith('.parquet'))",fieldPath=".compression",message="compression is for datasets of the format Arrow, Parquet files are always compressed: remove it"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.schema) || (has(self.schema) && self.schema == oldSelf.schema)",fieldPath=".schema",reason=FieldValueForbidden,message="schema cannot be changed once it is set: the data is written in it; make a new FlightDataset and copy the data"
type FlightDatasetSpec struct {
	// ClusterRef names the FlightCluster, in the same namespace, that keeps the
	// dataset. It cannot be changed.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",reason=FieldValueForbidden,message="clusterRef cannot be changed: the data is on that cluster; make a new FlightDataset and copy the data"
	ClusterRef ClusterReference `json:"clusterRef"`

	// Path is the dataset's Flight descriptor path; joined by "/" it is the
	// dataset's name. Default: the resource's own name. It cannot be changed.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.all(s, s != '')",message="path must not have an empty segment: leave the segment out"
	// +kubebuilder:validation:XValidation:rule="self.all(s, s != '.' && s != '..')",message="path must not have the segments '.' and '..': a dataset's path is no file path; name the segment otherwise"
	// +kubebuilder:validation:XValidation:rule="self.all(s, !s.contains('/'))",message="path must not have a '/' inside a segment: write [nyc, trips] for nyc/trips"
	// +kubebuilder:validation:XValidation:rule="self.all(s, !s.contains('\\x00'))",message="path must not contain the NUL character: remove it"
	// +kubebuilder:validation:XValidation:rule="bytes(self.join('/')).size() <= 1024",message="path joined by '/' must be at most 1024 bytes: shorten it"
	Path []string `json:"path,omitempty"`

	// Format of the dataset's files: Arrow is read at wire speed, Parquet is
	// compact. Default: Parquet when the path ends in .parquet, else Arrow. It
	// cannot be changed.
	//
	// +optional
	Format Format `json:"format,omitempty"`

	// Compression of the batches of an Arrow dataset, on disk and on their way to
	// readers. A change holds for what is written from then on. Default: None.
	//
	// +optional
	Compression Compression `json:"compression,omitempty"`

	// Schema of the dataset. Default: that of the first upload. It cannot be
	// changed once it is set.
	//
	// +optional
	Schema *DatasetSchema `json:"schema,omitempty"`

	// Access says who may do what with the dataset. Without it, the roles of the
	// cluster decide. With it, these rules alone do, whatever the roles are, and an
	// empty list lets nobody in; the role Admin may do everything everywhere.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.map(r, r.subjects.size()).sum() <= 512",message="access may name at most 512 subjects in all its rules: give fewer credentials to more people, or leave access out and let roles decide"
	Access []AccessRule `json:"access,omitzero"`

	// DeletionPolicy says what becomes of the data when this resource is deleted.
	// Default: Retain.
	//
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ClusterReference names a FlightCluster of the same namespace.
type ClusterReference struct {
	// Name of the FlightCluster.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Format of a dataset's files.
//
// +kubebuilder:validation:Enum=Arrow;Parquet
type Format string

// Compression of a dataset's batches.
//
// +kubebuilder:validation:Enum=None;LZ4;ZSTD
type Compression string

// DatasetSchema lists a dataset's columns in order.
type DatasetSchema struct {
	// Fields are the columns, in order.
	//
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=500
	Fields []SchemaField `json:"fields"`
}

// SchemaField is one column.
type SchemaField struct {
	// Name of the column.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Name string `json:"name"`

	// Type in Arrow's spelling, for example int64, utf8, timestamp[us, UTC],
	// decimal128(10, 2), list<float64>.
	//
	// +required
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="self.matches('^ *(null|bool|u?int(8|16|32|64)|float(16|32|64)|utf8|string|large_utf8|utf8_view|binary|large_binary|binary_view|date32|date64|month_interval|day_time_interval|month_day_nano_interval|timestamp *\\\\[ *(s|ms|us|ns) *(, *[A-Za-z0-9_+:/-]+ *)?\\\\]|duration *\\\\[ *(s|ms|us|ns) *\\\\]|time32 *\\\\[ *(s|ms) *\\\\]|time64 *\\\\[ *(us|ns) *\\\\]|decimal32 *\\\\( *[1-9] *, *[0-9]+ *\\\\)|decimal64 *\\\\( *([1-9]|1[0-8]) *, *[0-9]+ *\\\\)|decimal128 *\\\\( *([1-9]|[12][0-9]|3[0-8]) *, *[0-9]+ *\\\\)|decimal256 *\\\\( *([1-9]|[1-6][0-9]|7[0-6]) *, *[0-9]+ *\\\\)|fixed_size_binary *\\\\( *[1-9][0-9]{0,8} *\\\\)|(list|large_list|list_view|large_list_view) *<.+>|fixed_size_list *<.+> *\\\\( *[1-9][0-9]{0,8} *\\\\)|struct *<[^:]*:.+>|map *<.+,.+>|dictionary *< *u?int(8|16|32|64) *,.+>|run_end_encoded *< *int(16|32|64) *,.+>) *$')",message="type must be an Arrow type such as int64, float64, bool, utf8, binary, date32, timestamp[us, UTC], decimal128(10, 2), list<float64> or struct<a: int64, b: utf8>"
	Type string `json:"type"`

	// Nullable says whether the column may hold nulls. Default: true.
	//
	// +optional
	Nullable *bool `json:"nullable,omitempty"`
}

// AccessRule lets subjects do something with one dataset.
type AccessRule struct {
	// Subjects are those that the rule lets in.
	//
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=512
	Subjects []AccessSubject `json:"subjects"`

	// Verbs are what they may do: Read is to list, describe and read the dataset;
	// Write is to replace, append, rename, pin and drop it, and does not include
	// Read.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Verbs []AccessVerb `json:"verbs"`
}

// AccessSubject names credentials. Names of one kind say nothing about those of
// another.
//
// +kubebuilder:validation:XValidation:rule="has(self.namespace) == (self.kind == 'ServiceAccount')",fieldPath=".namespace",message="namespace is that of a ServiceAccount, which needs one, and nobody else has any: add or remove it"
type AccessSubject struct {
	// Kind of the credentials: Token and User are those of spec.auth of the
	// FlightCluster, ClientCertificate those of spec.auth.clientCertificates,
	// ServiceAccount those that spec.auth.serviceAccounts gives a role.
	//
	// +required
	Kind SubjectKind `json:"kind"`

	// Namespace of the ServiceAccount; other credentials have none.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`

	// Name of the token, the user or the ServiceAccount, or the common name of the
	// certificate.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="bytes(self).size() <= 253",message="name must be at most 253 bytes: no credentials have a longer one; correct it"
	Name string `json:"name"`
}

// SubjectKind is the kind of the credentials that somebody is known by.
//
// +kubebuilder:validation:Enum=Token;User;ClientCertificate;ServiceAccount
type SubjectKind string

// Kinds of subjects.
const (
	SubjectToken             SubjectKind = "Token"
	SubjectUser              SubjectKind = "User"
	SubjectClientCertificate SubjectKind = "ClientCertificate"
	SubjectServiceAccount    SubjectKind = "ServiceAccount"
)

// AccessVerb is what a rule lets its subjects do.
//
// +kubebuilder:validation:Enum=Read;Write
type AccessVerb string

// FlightDatasetStatus is what the operator saw last. Numbers have a default,
// so that kubectl shows 0 and not nothing.
type FlightDatasetStatus struct {
	// ObservedGeneration is the generation of the spec that the status tells of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// DatasetID is the server's identity of the dataset: one that is dropped and
	// made anew has another.
	//
	// +optional
	DatasetID string `json:"datasetID,omitempty"`
	// Version counts the uploads that the dataset has seen; 0 is none.
	//
	// +optional
	// +default=0
	Version int64 `json:"version"`
	// Rows of the newest version.
	//
	// +optional
	// +default=0
	Rows int64 `json:"rows"`
	// Bytes of the newest version on the server's volume.
	//
	// +optional
	// +default=0
	Bytes int64 `json:"bytes"`
	// Conditions tell how far the dataset is from its spec.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

package settings

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// SubjectKind is the kind of credentials that somebody is known by.
type SubjectKind string

// Kinds of subjects. Names of one kind say nothing about those of another.
const (
	SubjectToken       SubjectKind = "Token"             // by its name in the credentials file
	SubjectUser        SubjectKind = "User"              // by password, or a bearer that one was traded for
	SubjectCertificate SubjectKind = "ClientCertificate" // by its common name

	SubjectServiceAccount SubjectKind = "ServiceAccount" // of Kubernetes, by namespace and name
)

// SubjectKinds lists them.
func SubjectKinds() []SubjectKind {
	return []SubjectKind{SubjectToken, SubjectUser, SubjectCertificate, SubjectServiceAccount}
}

// Subject is somebody that an access rule is about.
type Subject struct {
	Kind      SubjectKind `json:"kind"`
	Namespace string      `json:"namespace,omitempty"` // of a ServiceAccount
	Name      string      `json:"name"`
}

// Identity is the name by which servers know the subject.
func (s Subject) Identity() string {
	if s.Kind == SubjectServiceAccount {
		return ServiceAccountName(s.Namespace, s.Name)
	}
	return s.Name
}

// AccessVerb is what an access rule lets its subjects do. Neither includes the
// other.
type AccessVerb string

// Verbs of access rules.
const (
	AccessRead  AccessVerb = "Read"  // list, describe, read
	AccessWrite AccessVerb = "Write" // replace, append, rename, pin, drop
)

// AccessVerbs lists them.
func AccessVerbs() []AccessVerb { return []AccessVerb{AccessRead, AccessWrite} }

// AccessRule lets subjects do something with one dataset, whatever their roles
// are.
type AccessRule struct {
	Subjects []Subject    `json:"subjects"`
	Verbs    []AccessVerb `json:"verbs"`
}

// Bounds of a dataset's access rules, which the servers keep in their catalogs.
const (
	maxAccessRules    = 64
	maxAccessSubjects = 512 // of all rules together
	maxSubjectName    = 253
)

// ValidateAccess reports everything that is wrong with the rules of a dataset.
func ValidateAccess(at *field.Path, rules []AccessRule) field.ErrorList {
	var errs field.ErrorList
	if len(rules) > maxAccessRules {
		errs = append(errs, field.TooMany(at, len(rules), maxAccessRules))
	}
	subjects := 0
	for i, rule := range rules {
		subjects += len(rule.Subjects)
		errs = append(errs, rule.validate(at.Index(i))...)
	}
	if subjects > maxAccessSubjects {
		errs = append(errs, field.TooMany(at.Child("subjects"), subjects, maxAccessSubjects))
	}
	return errs
}

func (r AccessRule) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(r.Subjects) == 0 {
		errs = append(errs, field.Required(at.Child("subjects"), "say who; for nobody leave out the rule"))
	}
	for i, s := range r.Subjects {
		errs = append(errs, s.validate(at.Child("subjects").Index(i))...)
	}
	if len(r.Verbs) == 0 {
		errs = append(errs, field.Required(at.Child("verbs"), "say what, Read or Write"))
	}
	for i, v := range r.Verbs {
		if !slices.Contains(AccessVerbs(), v) {
			errs = append(errs, field.NotSupported(at.Child("verbs").Index(i), v, AccessVerbs()))
		}
	}
	return errs
}

func (s Subject) validate(at *field.Path) field.ErrorList {
	if s.Kind == SubjectServiceAccount {
		return validateServiceAccount(at, s.Namespace, s.Name)
	}
	var errs field.ErrorList
	if !slices.Contains(SubjectKinds(), s.Kind) {
		errs = append(errs, field.NotSupported(at.Child("kind"), s.Kind, SubjectKinds()))
	}
	if s.Namespace != "" {
		errs = append(errs, field.Invalid(at.Child("namespace"), s.Namespace, fmt.Sprintf("only a %s has one: leave it out", SubjectServiceAccount)))
	}
	if s.Name == "" || len(s.Name) > maxSubjectName {
		errs = append(errs, field.Invalid(at.Child("name"), s.Name, fmt.Sprintf("must have 1 to %d bytes", maxSubjectName)))
	}
	return errs
}

package settings

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestValidateAccess(t *testing.T) {
	etl := Subject{Kind: SubjectToken, Name: "etl"}
	read := []AccessVerb{AccessRead}
	for name, tc := range map[string]struct {
		reason string
		rules  []AccessRule
		want   string // part of the error; empty: valid
	}{
		"None":         {reason: "The roles decide."},
		"Nobody":       {reason: "An empty list lets nobody in.", rules: []AccessRule{}},
		"Rule":         {rules: []AccessRule{{[]Subject{etl}, read}}},
		"NoSubjects":   {reason: "Is it everybody, or nobody?", rules: []AccessRule{{nil, read}}, want: "access[0].subjects: Required value"},
		"NoVerbs":      {rules: []AccessRule{{[]Subject{etl}, nil}}, want: "access[0].verbs: Required value"},
		"UnknownVerb":  {rules: []AccessRule{{[]Subject{etl}, []AccessVerb{"Admin"}}}, want: "access[0].verbs[0]: Unsupported value"},
		"UnknownKind":  {rules: []AccessRule{{[]Subject{etl, {Kind: "Group", Name: "x"}}, read}}, want: "access[0].subjects[1].kind: Unsupported value"},
		"Nameless":     {rules: []AccessRule{{[]Subject{{Kind: SubjectUser}}, read}}, want: "access[0].subjects[0].name: Invalid value"},
		"Account":      {rules: []AccessRule{{[]Subject{{SubjectServiceAccount, "bi", "report"}}, read}}},
		"NoNamespace":  {reason: "Of which namespace?", rules: []AccessRule{{[]Subject{{Kind: SubjectServiceAccount, Name: "report"}}, read}}, want: "access[0].subjects[0].namespace: Invalid value"},
		"Slash":        {reason: "It would pass for another's.", rules: []AccessRule{{[]Subject{{SubjectServiceAccount, "bi", "a/b"}}, read}}, want: "access[0].subjects[0].name: Invalid value"},
		"Namespace":    {rules: []AccessRule{{[]Subject{{SubjectToken, "bi", "etl"}}, read}}, want: "access[0].subjects[0].namespace: Invalid value"},
		"ManyRules":    {rules: slices.Repeat([]AccessRule{{[]Subject{etl}, read}}, 65), want: "access: Too many"},
		"ManySubjects": {rules: []AccessRule{{slices.Repeat([]Subject{etl}, 513), read}}, want: "access.subjects: Too many"},
		"MostSubjects": {rules: []AccessRule{{slices.Repeat([]Subject{etl}, 512), read}}},
	} {
		t.Run(name, func(t *testing.T) {
			err := ValidateAccess(field.NewPath("access"), tc.rules).ToAggregate()
			checkError(t, tc.reason, err, tc.want)
		})
	}
}

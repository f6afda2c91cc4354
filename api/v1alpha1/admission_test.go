package v1alpha1_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/flightserver/catalog"
)

// refusals are the specs that admission refuses: the path that the message must
// name, and a part of its sentence that tells the fix.
var refusals = map[string]struct {
	kind string
	name string // of the resource, when it matters
	spec string
	path string
	fix  string
}{
	"second replica":          {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, replicas: 2}", path: "spec.replicas", fix: "must be 0 or 1: servers cannot share data yet"},
	"negative replicas":       {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, replicas: -1}", path: "spec.replicas", fix: "greater than or equal to 0"},
	"no storage":              {kind: "FlightCluster", spec: "{replicas: 1}", path: "spec.storage", fix: "Required"},
	"no size":                 {kind: "FlightCluster", spec: "{storage: {}}", path: "spec.storage.size", fix: "Required"},
	"size 0":                  {kind: "FlightCluster", spec: "{storage: {size: 0}}", path: "spec.storage.size", fix: "for example 10Gi"},
	"negative size":           {kind: "FlightCluster", spec: "{storage: {size: -1Gi}}", path: "spec.storage.size", fix: "for example 10Gi"},
	"size in words":           {kind: "FlightCluster", spec: "{storage: {size: big}}", path: "spec.storage.size", fix: ""},
	"empty storage class":     {kind: "FlightCluster", spec: `{storage: {size: 1Gi, storageClassName: ""}}`, path: "spec.storage.storageClassName", fix: "at least 1"},
	"image with a space":      {kind: "FlightCluster", spec: `{storage: {size: 1Gi}, image: "a b"}`, path: "spec.image", fix: "leave it out"},
	"unknown provider":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Magic}}", path: "spec.tls.provider", fix: `"Operator", "CertManager", "Secret", "Disabled"`},
	"leaf without end":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, leaf: {duration: forever}}}", path: "spec.tls.leaf.duration", fix: "such as 168h"},
	"leaf of a minute":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, leaf: {duration: 1m}}}", path: "spec.tls.leaf.duration", fix: "5m or more"},
	"leaf renewed too early":  {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, leaf: {renewBefore: 200h}}}", path: "spec.tls.leaf.renewBefore", fix: "less than duration (168h"},
	"leaf outlives authority": {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, leaf: {duration: 9000h}}}", path: "spec.tls.leaf", fix: "shorten leaf.duration"},
	"authority of a minute":   {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, ca: {duration: 1m}, leaf: {duration: 5m}}}", path: "spec.tls.ca.duration", fix: "10m or more"},
	"authority due at once":   {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, ca: {duration: 1000h, renewBefore: 1000h}}}", path: "spec.tls.ca.renewBefore", fix: "less than duration"},
	"overlap too long":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, ca: {renewBefore: 100h, overlap: 100h}}}", path: "spec.tls.ca.overlap", fix: "less than renewBefore"},
	"overlap too long to end": {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, ca: {duration: 1000h, overlap: 300h}}}", path: "spec.tls.ca.overlap", fix: "shorten overlap"},
	"negative overlap":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, ca: {overlap: -1h}}}", path: "spec.tls.ca.overlap", fix: "such as 336h"},
	"name in upper case":      {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, dnsNames: [Flight.example.com]}}", path: "spec.tls.dnsNames", fix: "such as flight.example.com"},
	"address as a name":       {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, dnsNames: ['grpc://a:1']}}", path: "spec.tls.dnsNames", fix: "such as flight.example.com"},
	"no issuer":               {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: CertManager}}", path: "spec.tls.certManager", fix: "set certManager.issuerRef"},
	"issuer of nothing":       {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, certManager: {issuerRef: {name: corp}}}}", path: "spec.tls.certManager", fix: "remove certManager"},
	"no Secret":               {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Secret}}", path: "spec.tls.secret", fix: "set secret.name and secret.caBundle"},
	"Secret of no use":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, secret: {name: a, caBundle: {configMap: b}}}}", path: "spec.tls.secret", fix: "remove secret"},
	"Secret without roots":    {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Secret, secret: {name: a}}}", path: "spec.tls.secret.caBundle", fix: "Required"},
	"roots of nowhere":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Secret, secret: {name: a, caBundle: {}}}}", path: "spec.tls.secret.caBundle", fix: "name one of configMap and secret"},
	"issuer without a name":   {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: CertManager, certManager: {issuerRef: {kind: Issuer}}}}", path: "spec.tls.certManager.issuerRef.name", fix: "Required"},
	"issued for minutes":      {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: CertManager, certManager: {issuerRef: {name: corp}}, leaf: {duration: 30m}}}", path: "spec.tls.leaf", fix: "lengthen leaf.duration"},
	"issued at the last":      {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: CertManager, certManager: {issuerRef: {name: corp}}, leaf: {renewBefore: 4m}}}", path: "spec.tls.leaf", fix: "lengthen leaf.duration or leaf.renewBefore"},
	"names nobody sees":       {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Disabled, dnsNames: [a.example.com]}}", path: "spec.tls.dnsNames", fix: "remove dnsNames"},
	"age of a second":         {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, maxConnectionAge: 1s}}", path: "spec.tls.maxConnectionAge", fix: "10s or more"},
	"no provider":             {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {}}", path: "spec.tls.provider", fix: "Required"},
	"tokens in plaintext":     {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Disabled}, auth: {tokens: [{name: etl, role: Writer}]}}", path: "spec.auth.allowPlaintext", fix: "set auth.allowPlaintext to true"},
	"tokens of one name":      {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: etl, role: Writer}, {name: etl, role: Reader}]}}", path: "spec.auth.tokens[1]", fix: "Duplicate"},
	"tokens of one Secret":    {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: a, role: Writer, secretName: s}, {name: b, role: Reader, secretName: s}]}}", path: "spec.auth.tokens", fix: "give each token a Secret of its own"},
	"token without a role":    {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: etl}]}}", path: "spec.auth.tokens[0].role", fix: "Required"},
	"token of no role":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: etl, role: Boss}]}}", path: "spec.auth.tokens[0].role", fix: `"Reader", "Writer", "Admin"`},
	"token's name":            {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: E_T_L, role: Reader}]}}", path: "spec.auth.tokens[0].name", fix: "lower-case letters"},
	"token's Secret":          {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: etl, role: Reader, secretName: A/B}]}}", path: "spec.auth.tokens[0].secretName", fix: "leave it out"},
	"token rotates too often": {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: etl, role: Reader, rotation: {interval: 1m, overlap: 1m}}]}}", path: "spec.auth.tokens[0].rotation.interval", fix: "must be 2m or more"},
	"token's interval":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: etl, role: Reader, rotation: {interval: monthly}}]}}", path: "spec.auth.tokens[0].rotation.interval", fix: "such as 720h"},
	"token without overlap":   {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: etl, role: Reader, rotation: {overlap: 0s}}]}}", path: "spec.auth.tokens[0].rotation.overlap", fix: "must be 1m or more"},
	"overlap above interval":  {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {tokens: [{name: etl, role: Reader, rotation: {interval: 24h}}]}}", path: "spec.auth.tokens[0].rotation.overlap", fix: "shorten overlap or lengthen interval"},
	"user in plaintext":       {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Disabled}, auth: {users: [{name: ana, role: Reader, secretRef: {name: ana}}]}}", path: "spec.auth.allowPlaintext", fix: "set auth.allowPlaintext to true"},
	"users of one name":       {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {users: [{name: ana, role: Reader, secretRef: {name: a}}, {name: ana, role: Reader, secretRef: {name: b}}]}}", path: "spec.auth.users[1]", fix: "Duplicate"},
	"user's name":             {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {users: [{name: 'a:b', role: Reader, secretRef: {name: a}}]}}", path: "spec.auth.users[0].name", fix: "name must be letters"},
	"user without a Secret":   {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {users: [{name: ana, role: Reader}]}}", path: "spec.auth.users[0].secretRef", fix: "Required"},
	"no asking":               {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {clientCertificates: [{commonName: a, role: Reader}]}}", path: "spec.auth.clientCertificates", fix: "set tls.clientAuth to Optional or Require"},
	"asking None":             {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: None}, auth: {clientCertificates: [{commonName: a, role: Reader}]}}", path: "spec.auth.clientCertificates", fix: "set tls.clientAuth to Optional or Require"},
	"asking in plaintext":     {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Disabled, clientAuth: Require}}", path: "spec.tls.clientAuth", fix: "set provider to Operator"},
	"asking in other words":   {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Always}}", path: "spec.tls.clientAuth", fix: `"None", "Optional", "Require"`},
	"authorities for nothing": {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, clientCAs: {configMap: a}}}", path: "spec.tls.clientCAs", fix: "set clientAuth to Optional or Require"},
	"authorities twice":       {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Require, clientCAs: {configMap: a, secret: b}}}", path: "spec.tls.clientCAs", fix: "name one of configMap and secret"},
	"authorities nowhere":     {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Require, clientCAs: {}}}", path: "spec.tls.clientCAs", fix: "name one of configMap and secret"},
	"certificates of a name":  {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Require}, auth: {clientCertificates: [{commonName: a, role: Reader}, {commonName: a, role: Writer}]}}", path: "spec.auth.clientCertificates[1]", fix: "Duplicate"},
	"certificate of nobody":   {kind: "FlightCluster", spec: `{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Require}, auth: {clientCertificates: [{commonName: "", role: Reader}]}}`, path: "spec.auth.clientCertificates[0].commonName", fix: "at least 1"},
	"certificate's space":     {kind: "FlightCluster", spec: `{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Require}, auth: {clientCertificates: [{commonName: "a ", role: Reader}]}}`, path: "spec.auth.clientCertificates[0].commonName", fix: "without spaces at its ends"},
	"certificate's newline":   {kind: "FlightCluster", spec: `{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Require}, auth: {clientCertificates: [{commonName: "a\nb", role: Reader}]}}`, path: "spec.auth.clientCertificates[0].commonName", fix: "without control characters"},
	"certificate of no role":  {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Require}, auth: {clientCertificates: [{commonName: a}]}}", path: "spec.auth.clientCertificates[0].role", fix: "Required"},
	"account in plaintext":    {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, tls: {provider: Disabled}, auth: {serviceAccounts: {bindings: [{namespace: bi, name: report, role: Reader}]}}}", path: "spec.auth.allowPlaintext", fix: "set auth.allowPlaintext to true"},
	"accounts without any":    {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {serviceAccounts: {bindings: []}}}", path: "spec.auth.serviceAccounts.bindings", fix: "at least 1"},
	"audience of nothing":     {kind: "FlightCluster", spec: `{storage: {size: 1Gi}, auth: {serviceAccounts: {audience: "", bindings: [{namespace: bi, name: report, role: Reader}]}}}`, path: "spec.auth.serviceAccounts.audience", fix: "at least 1"},
	"audience of words":       {kind: "FlightCluster", spec: `{storage: {size: 1Gi}, auth: {serviceAccounts: {audience: "my flights", bindings: [{namespace: bi, name: report, role: Reader}]}}}`, path: "spec.auth.serviceAccounts.audience", fix: "leave it out"},
	"account twice":           {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {serviceAccounts: {bindings: [{namespace: bi, name: report, role: Reader}, {namespace: bi, name: report, role: Writer}]}}}", path: "spec.auth.serviceAccounts.bindings[1]", fix: "Duplicate"},
	"account of no role":      {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {serviceAccounts: {bindings: [{namespace: bi, name: report, role: Boss}]}}}", path: "spec.auth.serviceAccounts.bindings[0].role", fix: `"Reader", "Writer", "Admin"`},
	"account of nowhere":      {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {serviceAccounts: {bindings: [{name: report, role: Reader}]}}}", path: "spec.auth.serviceAccounts.bindings[0].namespace", fix: "Required"},
	"account's name":          {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {serviceAccounts: {bindings: [{namespace: bi, name: 'bi:report', role: Reader}]}}}", path: "spec.auth.serviceAccounts.bindings[0].name", fix: "lower-case letters"},
	"unknown role":            {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, auth: {anonymous: Everybody}}", path: "spec.auth.anonymous", fix: `"None", "Reader"`},
	"unknown policy":          {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, deletionPolicy: Recycle}", path: "spec.deletionPolicy", fix: `"Retain", "Delete"`},
	"unknown resource":        {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, resources: {limits: {memmory: 1Gi}}}", path: "spec.resources.limits", fix: "remove or correct"},
	"unknown request":         {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, resources: {requests: {gpus: 1}}}", path: "spec.resources.requests", fix: "remove or correct"},
	"negative limit":          {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, resources: {limits: {cpu: -1}}}", path: "spec.resources.limits", fix: "500m"},
	"request above limit":     {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}}", path: "spec.resources.requests", fix: "raise the limit"},
	"clients of no policy":    {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, networkPolicy: {mode: None, clientsFrom: [{podSelector: {}}]}}", path: "spec.networkPolicy.clientsFrom", fix: "set mode to Managed"},
	"client of two kinds":     {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, networkPolicy: {clientsFrom: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}}", path: "spec.networkPolicy.clientsFrom", fix: "write two entries"},
	"client of no kind":       {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, networkPolicy: {clientsFrom: [{}]}}", path: "spec.networkPolicy.clientsFrom", fix: "a podSelector, a namespaceSelector or both"},
	"unknown policy mode":     {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, networkPolicy: {mode: Strict}}", path: "spec.networkPolicy.mode", fix: `"Managed", "None"`},
	"field nobody knows":      {kind: "FlightCluster", spec: "{storage: {size: 1Gi}, hibernated: true}", path: "spec.hibernated", fix: "unknown field"},
	"name with a dot":         {kind: "FlightCluster", name: "a.b", spec: "{storage: {size: 1Gi}}", path: "metadata.name", fix: "lower-case letters"},
	"name with a digit":       {kind: "FlightCluster", name: "1a", spec: "{storage: {size: 1Gi}}", path: "metadata.name", fix: "beginning with a letter"},
	"name of 41 characters":   {kind: "FlightCluster", name: strings.Repeat("a", 41), spec: "{storage: {size: 1Gi}}", path: "metadata.name", fix: "at most 40"},

	"no cluster":             {kind: "FlightDataset", spec: "{path: [a]}", path: "spec.clusterRef", fix: "Required"},
	"cluster without a name": {kind: "FlightDataset", spec: `{clusterRef: {name: ""}}`, path: "spec.clusterRef.name", fix: "at least 1"},
	"empty path":             {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, path: []}", path: "spec.path", fix: "at least 1"},
	"empty segment":          {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, path: [a, ""]}`, path: "spec.path", fix: "leave the segment out"},
	"segment ..":             {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, path: ["..", a]}`, path: "spec.path", fix: "name the segment otherwise"},
	"segment .":              {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, path: ["."]}`, path: "spec.path", fix: "name the segment otherwise"},
	"segment with a slash":   {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, path: [a/b]}`, path: "spec.path", fix: "write [nyc, trips]"},
	"NUL":                    {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, path: ["a\0b"]}`, path: "spec.path", fix: "remove it"},
	"1025 bytes":             {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, path: [` + strings.Repeat("é", 512) + `, a]}`, path: "spec.path", fix: "shorten it"},
	"unknown format":         {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, format: CSV}", path: "spec.format", fix: `"Arrow", "Parquet"`},
	"unknown compression":    {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, compression: gzip}", path: "spec.compression", fix: `"None", "LZ4", "ZSTD"`},
	"compressed Parquet":     {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, format: Parquet, compression: LZ4}", path: "spec.compression", fix: "remove it"},
	"compressed .parquet":    {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, path: [a, b.parquet], compression: LZ4}", path: "spec.compression", fix: "remove it"},
	"no fields":              {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, schema: {fields: []}}", path: "spec.schema.fields", fix: "at least 1"},
	"field without a name":   {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, schema: {fields: [{name: "", type: int64}]}}`, path: "spec.schema.fields[0].name", fix: "at least 1"},
	"fields of one name":     {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, schema: {fields: [{name: a, type: int64}, {name: a, type: utf8}]}}", path: "spec.schema.fields[1]", fix: "Duplicate"},
	"field without a type":   {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, schema: {fields: [{name: a}]}}", path: "spec.schema.fields[0].type", fix: "Required"},
	"rule for nobody":        {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, access: [{subjects: [], verbs: [Read]}]}", path: "spec.access[0].subjects", fix: "at least 1"},
	"rule for nothing":       {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, access: [{subjects: [{kind: Token, name: a}], verbs: []}]}", path: "spec.access[0].verbs", fix: "at least 1"},
	"verb said twice":        {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, access: [{subjects: [{kind: Token, name: a}], verbs: [Read, Read]}]}", path: "spec.access[0].verbs[1]", fix: "Duplicate"},
	"unknown verb":           {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, access: [{subjects: [{kind: Token, name: a}], verbs: [Delete]}]}", path: "spec.access[0].verbs[0]", fix: `"Read", "Write"`},
	"subject of no kind":     {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, access: [{subjects: [{name: a}], verbs: [Read]}]}", path: "spec.access[0].subjects[0].kind", fix: "Required"},
	"subject of other kind":  {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, access: [{subjects: [{kind: Group, name: a}], verbs: [Read]}]}", path: "spec.access[0].subjects[0].kind", fix: `"Token", "User"`},
	"subject without a name": {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, access: [{subjects: [{kind: Token, name: ""}], verbs: [Read]}]}`, path: "spec.access[0].subjects[0].name", fix: "at least 1"},
	"account nowhere":        {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, access: [{subjects: [{kind: ServiceAccount, name: a}], verbs: [Read]}]}", path: "spec.access[0].subjects[0].namespace", fix: "which needs one"},
	"token of a namespace":   {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, access: [{subjects: [{kind: Token, namespace: bi, name: a}], verbs: [Read]}]}", path: "spec.access[0].subjects[0].namespace", fix: "nobody else has any"},
	"subject of 254 bytes":   {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, access: [{subjects: [{kind: User, name: ` + strings.Repeat("é", 127) + `}], verbs: [Read]}]}`, path: "spec.access[0].subjects[0].name", fix: "at most 253 bytes"},
	"513 subjects":           {kind: "FlightDataset", spec: `{clusterRef: {name: prod}, access: [` + strings.Repeat(`{subjects: [`+strings.Repeat(`{kind: Token, name: a}, `, 27)+`], verbs: [Read]}, `, 19) + `]}`, path: "spec.access", fix: "at most 512 subjects"},
	"policy of a dataset":    {kind: "FlightDataset", spec: "{clusterRef: {name: prod}, deletionPolicy: Keep}", path: "spec.deletionPolicy", fix: `"Retain", "Delete"`},
}

func TestRefusedAtCreation(t *testing.T) {
	namespace := api.Namespace(t)
	for name, tc := range refusals {
		t.Run(name, func(t *testing.T) {
			err := api.Client.Create(t.Context(), object(t, tc.kind, tc.name, namespace, tc.spec), client.FieldValidation("Strict"))
			expectRefusal(t, err, tc.path, tc.fix)
		})
	}
}

func TestRefusedAtUpdate(t *testing.T) {
	tests := map[string]struct {
		kind, before, after string
		path, fix           string // no path: it is admitted
	}{
		"storage shrinks":   {"FlightCluster", "{storage: {size: 2Gi}}", "{storage: {size: 1Gi}}", "spec.storage.size", "keep the old size"},
		"storage grows":     {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 2000Mi}}", "", ""},
		"storage said anew": {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 1024Mi}}", "", ""},
		"storage class":     {"FlightCluster", "{storage: {size: 1Gi, storageClassName: a}}", "{storage: {size: 1Gi, storageClassName: b}}", "spec.storage.storageClassName", "make a new FlightCluster"},
		"storage class set": {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 1Gi, storageClassName: b}}", "spec.storage.storageClassName", "make a new FlightCluster"},
		"lives":             {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 1Gi}, tls: {provider: Operator, leaf: {duration: 5m, renewBefore: 4m}, ca: {duration: 20m, renewBefore: 15m, overlap: 0s}, dnsNames: ['*.example.com'], maxConnectionAge: 1h0m10s}}", "", ""},
		"cert-manager":      {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 1Gi}, tls: {provider: CertManager, certManager: {issuerRef: {name: corp, kind: ClusterIssuer}}, leaf: {duration: 1h, renewBefore: 59m48s}}}", "", ""},
		"own certificate":   {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 1Gi}, tls: {provider: Secret, secret: {name: a, caBundle: {configMap: b}}}}", "", ""},
		"tls provider":      {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 1Gi}, tls: {provider: Disabled}}", "", ""},
		"rest":              {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 1Gi}, replicas: 0}", "", ""},
		"client auth":       {"FlightCluster", "{storage: {size: 1Gi}}", "{storage: {size: 1Gi}, tls: {provider: Operator, clientAuth: Optional, clientCAs: {secret: roots}}, auth: {clientCertificates: [{commonName: 'Ana Example (é)', role: Reader}, {commonName: a, role: Writer}]}}", "", ""},
		"access":            {"FlightDataset", "{clusterRef: {name: a}}", "{clusterRef: {name: a}, access: []}", "", ""},
		"access to roles":   {"FlightDataset", "{clusterRef: {name: a}, access: [{subjects: [{kind: ClientCertificate, name: 'Ana Example'}, {kind: ServiceAccount, namespace: bi, name: report}], verbs: [Read, Write]}]}", "{clusterRef: {name: a}}", "", ""},
		"clusterRef":        {"FlightDataset", "{clusterRef: {name: a}}", "{clusterRef: {name: b}}", "spec.clusterRef", "make a new FlightDataset"},
		"path":              {"FlightDataset", "{clusterRef: {name: a}, path: [x]}", "{clusterRef: {name: a}, path: [z]}", "spec.path", "make a new FlightDataset"},
		"path set":          {"FlightDataset", "{clusterRef: {name: a}}", "{clusterRef: {name: a}, path: [z]}", "spec.path", "make a new FlightDataset"},
		"format":            {"FlightDataset", "{clusterRef: {name: a}, format: Arrow}", "{clusterRef: {name: a}, format: Parquet}", "spec.format", "make a new FlightDataset"},
		"schema changed":    {"FlightDataset", "{clusterRef: {name: a}, schema: {fields: [{name: x, type: int32}]}}", "{clusterRef: {name: a}, schema: {fields: [{name: x, type: int64}]}}", "spec.schema", "make a new FlightDataset"},
		"schema removed":    {"FlightDataset", "{clusterRef: {name: a}, schema: {fields: [{name: x, type: int32}]}}", "{clusterRef: {name: a}}", "spec.schema", "make a new FlightDataset"},
		"schema said later": {"FlightDataset", "{clusterRef: {name: a}}", "{clusterRef: {name: a}, schema: {fields: [{name: x, type: int32}]}}", "", ""},
		"compression":       {"FlightDataset", "{clusterRef: {name: a}, path: [x.arrow], compression: LZ4}", "{clusterRef: {name: a}, path: [x.arrow], compression: ZSTD}", "", ""},
		"Parquet's is None": {"FlightDataset", "{clusterRef: {name: a}, path: [x.parquet]}", "{clusterRef: {name: a}, path: [x.parquet], compression: None}", "", ""},
		"policy changes":    {"FlightDataset", "{clusterRef: {name: a}}", "{clusterRef: {name: a}, deletionPolicy: Delete}", "", ""},
	}
	namespace := api.Namespace(t)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := object(t, tc.kind, "", namespace, tc.before)
			if err := api.Client.Create(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			after := object(t, tc.kind, before.GetName(), namespace, tc.after)
			after.SetResourceVersion(before.GetResourceVersion())
			err := api.Client.Update(t.Context(), after)
			if tc.path == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			expectRefusal(t, err, tc.path, tc.fix)
		})
	}
}

// types are texts of column types, and whether they are any. Admission and
// server must agree, but for what is inside of < >, which no regular expression
// can follow: there the server has the last word.
var types = map[string]bool{
	"int64": true, "uint8": true, "float16": true, "bool": true, "null": true, "utf8": true, "string": true,
	"large_utf8": true, "utf8_view": true, "binary": true, "date32": true, "month_day_nano_interval": true,
	"timestamp[us]": true, "timestamp[us, UTC]": true, "timestamp[ns,Europe/Berlin]": true, "timestamp[ms, +02:00]": true,
	"duration[s]": true, "time32[ms]": true, "time64[ns]": true,
	"decimal128(10, 2)": true, "decimal256(76,0)": true, "decimal32(9, 1)": true, "decimal64(18, 4)": true,
	"fixed_size_binary(16)": true, "list<int32>": true, "large_list<utf8>": true, "fixed_size_list<float32>(3)": true,
	"struct<a: int64, b: list<utf8>>": true, "map<utf8, int64>": true, "dictionary<int32, utf8>": true, "run_end_encoded<int32, utf8>": true,

	"": false, "integer": false, "int": false, "int128": false, "INT64": false, "int64 x": false, "varchar(10)": false,
	"timestamp": false, "timestamp[h]": false, "timestamp[us": false, "time32[us]": false, "time64[s]": false, "duration[us, UTC]": false,
	"decimal128(39, 2)": false, "decimal128(0, 2)": false, "decimal128(10)": false, "decimal": false, "decimal256(77, 1)": false,
	"fixed_size_binary(0)": false, "fixed_size_binary": false, "list": false, "list<>": false, "list<int32": false,
	"map<utf8>": false, "dictionary<utf8, utf8>": false, "run_end_encoded<int8, utf8>": false, "struct<int64>": false,
}

func TestTypesAgreeWithTheServer(t *testing.T) {
	namespace := api.Namespace(t)
	for text, want := range types {
		t.Run(text, func(t *testing.T) {
			spec, err := yaml.Marshal(map[string]any{
				"clusterRef": map[string]any{"name": "a"},
				"schema":     map[string]any{"fields": []any{map[string]any{"name": "x", "type": text}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			err = api.Client.Create(t.Context(), object(t, "FlightDataset", "", namespace, string(spec)), client.DryRunAll)
			if want && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !want {
				expectRefusal(t, err, "spec.schema.fields[0].type", "such as int64")
			}
			if _, err := catalog.ParseType(text); (err == nil) != want {
				t.Errorf("the server says %v, want a type: %t", err, want)
			}
		})
	}
}

func expectRefusal(t *testing.T, err error, path, fix string) {
	t.Helper()
	if err == nil {
		t.Fatal("admitted")
	}
	if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) && !apierrors.IsForbidden(err) {
		t.Errorf("refused by something else: %v", err)
	}
	if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fix) {
		t.Errorf("message %q, want it to name %q and to say %q", err, path, fix)
	}
}

func object(t *testing.T, kind, name, namespace, spec string) *unstructured.Unstructured {
	t.Helper()
	fields := map[string]any{}
	if err := yaml.Unmarshal([]byte(spec), &fields); err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "flight-operator.io/v1alpha1",
		"kind":       kind,
		"spec":       fields,
	}}
	u.SetNamespace(namespace)
	u.SetName(name)
	if name == "" {
		u.SetGenerateName("t")
	}
	return u
}

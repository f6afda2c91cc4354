{{- define "flight-operator.name" -}}
{{ default .Chart.Name .Values.nameOverride }}
{{- end -}}

{{- /* 40 characters leave room for what is appended: 63 is the limit of a Service. */ -}}
{{- define "flight-operator.fullname" -}}
{{- $name := include "flight-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "flight-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "flight-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "flight-operator.labels" -}}
{{ include "flight-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: flight-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "flight-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "flight-operator.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ required "serviceAccount.name: name the ServiceAccount to use, or set serviceAccount.create" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "flight-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "flight-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- /* image takes (list $ .Values.image). A digest says more than a tag. */ -}}
{{- define "flight-operator.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{ $image.repository }}:{{ default $root.Chart.AppVersion $image.tag }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end -}}

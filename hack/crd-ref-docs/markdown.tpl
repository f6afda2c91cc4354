{{- define "text" -}}
{{ . | replace "<" "&lt;" | markdownRenderFieldDoc | replace "<br />" " " }}
{{- end -}}

{{- /* Every rule of a field is told, with the message that a refused object is
       answered with: the validation that CEL expresses is most of it. */ -}}
{{- define "rules" -}}
{{- $lines := list -}}
{{- if .Default }}{{ $lines = append $lines (printf "default `%s`" (toString .Default)) }}{{ end -}}
{{- range .Validation -}}
  {{- if hasPrefix "Required" . }}{{ $lines = append $lines "required" -}}
  {{- else if not (hasPrefix "Optional" .) }}{{ $lines = append $lines (markdownRenderFieldDoc .) }}{{ end -}}
{{- end -}}
{{- range index .Markers "kubebuilder:validation:XValidation" }}{{ $lines = append $lines (.Message | replace "<" "&lt;") }}{{ end -}}
{{- join "<br />" $lines -}}
{{- end -}}

{{- define "type" }}
### {{ .Name }}

{{ .Doc }}
{{- if .GVK }}

`apiVersion: {{ .GVK.Group }}/{{ .GVK.Version }}`, `kind: {{ .GVK.Kind }}`
{{- range index .Markers "kubebuilder:validation:XValidation" }}

Rule: {{ template "text" .Message }}
{{- end }}
{{- end }}
{{- if .References }}

Appears in:
{{- range $i, $type := .SortedReferences }}{{ if $i }},{{ end }} {{ markdownRenderTypeLink $type }}{{ end }}
{{- end }}
{{- range .Validation }}

{{ . }}
{{- end }}
{{- if .Members }}

| Field | Meaning | Rules |
| --- | --- | --- |
{{- range .Members }}
| `{{ .Name }}` {{ markdownRenderType .Type }} | {{ if ne .Name "metadata" }}{{ template "text" .Doc }}{{ end }} | {{ template "rules" . }} |
{{- end }}
{{- end }}
{{ end -}}

{{- define "gvList" -}}
# API reference

Generated from the Go types by `make generate`; `kubectl explain` tells the same.
{{ range . }}
## {{ .GroupVersionString }}

{{ .Doc | trim }}
{{ $details := . }}
{{- range .SortedKinds }}{{ template "type" ($details.TypeForKind .) }}{{ end }}
{{- range .SortedTypes }}{{ if and (markdownShouldRenderType .) (not .GVK) }}{{ template "type" . }}{{ end }}{{ end }}
{{- end }}
{{- end -}}

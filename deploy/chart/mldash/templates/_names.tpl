{{- define "mldash.name" -}}
{{- $own := .Values.nameOverride | default (ternary .Release.Name (printf "%s-mldash" .Release.Name) (contains "mldash" .Release.Name)) -}}
{{- $own | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Of pods and of who looks for them: it must never change, so no version is in it. (list $ "workers") */}}
{{- define "mldash.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: mldash
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "mldash.labels" -}}
{{- $root := index . 0 -}}
{{ include "mldash.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end }}

{{- define "mldash.image" -}}
{{- with .Values.image -}}
{{- $repository := required "image.repository: where you keep the image (deploy/image/Containerfile)" .repository -}}
{{- if .digest }}{{ $repository }}@{{ .digest }}{{ else }}{{ $repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

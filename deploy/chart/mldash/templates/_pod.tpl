{{/* What every pod has around its one container. (list $ values-of-the-component) */}}
{{- define "mldash.pod" -}}
{{- $root := index . 0 -}}{{- $own := index . 1 -}}
serviceAccountName: {{ include "mldash.name" $root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext: {{ toJson $root.Values.podSecurityContext }}
{{- with $own.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with $own.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with $own.affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- end }}

{{- define "mldash.container" -}}
{{- $root := index . 0 -}}{{- $own := index . 1 -}}
image: {{ include "mldash.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
securityContext: {{ toJson $root.Values.containerSecurityContext }}
resources: {{ toJson $own.resources }}
{{- end }}

{{/* The questions of docs/operations.md, "Health", at the port named health; a probe of another kind may be given. */}}
{{- define "mldash.probes" -}}
startupProbe: {{ include "mldash.probe" (list "/healthz" .startup) }}
livenessProbe: {{ include "mldash.probe" (list "/healthz" .liveness) }}
readinessProbe: {{ include "mldash.probe" (list "/readyz" .readiness) }}
{{- end }}

{{- define "mldash.probe" -}}
{{- $given := index . 1 -}}
{{- $own := dict "httpGet" (dict "path" (index . 0) "port" "health") -}}
{{- if or $given.exec $given.tcpSocket $given.grpc }}{{ $own = dict }}{{ end -}}
{{- mergeOverwrite $own $given | toJson -}}
{{- end }}

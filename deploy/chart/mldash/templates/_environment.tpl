{{/* Numbers of values files are floats: 604800000 would be printed as 6.048e+08. */}}
{{- define "mldash.text" -}}
{{- if and (kindIs "float64" .) (eq (float64 (int64 .)) .) }}{{ int64 . }}{{ else if kindIs "slice" . }}{{ join "," . }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* Settings by name: (list "MLDASH_WORKER_" .Values.workers.settings) */}}
{{- define "mldash.settings" -}}
{{- $prefix := index . 0 -}}
{{- range $name, $value := index . 1 }}
- {name: {{ $prefix }}{{ upper $name }}, value: {{ include "mldash.text" $value | quote }}}
{{- end }}
{{- end }}

{{/* Addresses of the servers, for each of which a component gets no more than it works with. Secrets come by files, which
no process shows in its environment. (list $ kafka's secret) */}}
{{- define "mldash.kafka" -}}
{{- $root := index . 0 -}}{{- $secret := index . 1 -}}
{{- with $root.Values.kafka }}
- {name: MLDASH_KAFKA, value: {{ required "kafka.bootstrapServers: Kafka's addresses, host:port by comma" .bootstrapServers | quote }}}
- {name: MLDASH_TOPIC_PREFIX, value: {{ .topicPrefix | quote }}}
- {name: MLDASH_KAFKA_SECURITY_PROTOCOL, value: {{ .securityProtocol | quote }}}
{{- if .saslMechanism }}
- {name: MLDASH_KAFKA_SASL_MECHANISM, value: {{ .saslMechanism | quote }}}
{{- end }}
{{- if .caSecret }}
- {name: MLDASH_KAFKA_CA_FILE, value: /run/secrets/kafka-ca/ca.crt}
{{- end }}
{{- end }}
{{- if $secret }}
- {name: MLDASH_KAFKA_USERNAME, valueFrom: {secretKeyRef: {name: {{ $secret | quote }}, key: username}}}
- {name: MLDASH_KAFKA_PASSWORD_FILE, value: /run/secrets/kafka/password}
{{- end }}
{{- end }}

{{/* It follows the topics: two installations on one Kafka must not share it. */}}
{{- define "mldash.group" -}}
{{ .Values.kafka.group | default (printf "%s-ingest" .Values.kafka.topicPrefix) }}
{{- end }}

{{- define "mldash.mongo" -}}
- {name: MLDASH_MONGO_FILE, value: /run/secrets/mongo/uri}
- {name: MLDASH_MONGO_DATABASE, value: {{ .database | quote }}}
{{- if .caSecret }}
- {name: MLDASH_MONGO_CA_FILE, value: /run/secrets/mongo-ca/ca.crt}
{{- end }}
{{- end }}

{{- define "mldash.s3" -}}
{{- if .endpoint }}
- {name: MLDASH_S3_ENDPOINT, value: {{ .endpoint | quote }}}
{{- end }}
- {name: MLDASH_S3_BUCKET, value: {{ .bucket | quote }}}
- {name: MLDASH_S3_REGION, value: {{ .region | quote }}}
- {name: MLDASH_S3_ADDRESSING, value: {{ .addressing | quote }}}
{{- if .existingSecret }}
- {name: MLDASH_S3_ACCESS_KEY_FILE, value: /run/secrets/s3/access-key}
- {name: MLDASH_S3_SECRET_KEY_FILE, value: /run/secrets/s3/secret-key}
{{- end }}
{{- if .caSecret }}
- {name: MLDASH_S3_CA_FILE, value: /run/secrets/s3-ca/ca.crt}
{{- end }}
{{- end }}

{{/* Of (dict "kafka" secret …): those that are given are mounted below /run/secrets, readable for the pod's group. /tmp is
the one place that may be written. (list $ secrets) */}}
{{- define "mldash.volumes" -}}
{{- $root := index . 0 -}}
- {name: tmp, emptyDir: {sizeLimit: {{ $root.Values.tmpSize | quote }}}}
{{- range $name, $secret := index . 1 }}
{{- if $secret }}
- {name: {{ $name }}, secret: {secretName: {{ $secret | quote }}, defaultMode: 288}}
{{- end }}
{{- end }}
{{- end }}

{{- define "mldash.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- range $name, $secret := . }}
{{- if $secret }}
- {name: {{ $name }}, mountPath: /run/secrets/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

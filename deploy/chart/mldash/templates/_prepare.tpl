{{/* The pods' template, of which a Job can change nothing. */}}
{{- define "mldash.prepare" -}}
{{- $own := .Values.prepare }}
{{- $mongo := required "mongo.existingSecret: a secret with MongoDB's address under the key uri" .Values.mongo.existingSecret }}
{{- $kafka := $own.kafkaExistingSecret | default .Values.kafka.existingSecret }}
{{- $secrets := dict "kafka" $kafka "kafka-ca" .Values.kafka.caSecret "mongo" $mongo "mongo-ca" .Values.mongo.caSecret "s3" .Values.s3.existingSecret "s3-ca" .Values.s3.caSecret }}
metadata:
  labels: {{- include "mldash.selector" (list . "prepare") | nindent 4 }}
spec:
  {{- include "mldash.pod" (list . $own) | nindent 2 }}
  restartPolicy: OnFailure
  volumes: {{- include "mldash.volumes" (list . $secrets) | nindent 4 }}
  containers:
    - name: prepare
      {{- include "mldash.container" (list . $own) | nindent 6 }}
      args: [prepare]
      env:
        {{- include "mldash.kafka" (list . $kafka) | nindent 8 }}
        {{- include "mldash.mongo" .Values.mongo | nindent 8 }}
        {{- include "mldash.s3" .Values.s3 | nindent 8 }}
        - {name: MLDASH_WORKER_GROUP, value: {{ include "mldash.group" . | quote }}}
        {{- range $kind, $count := $own.partitions }}
        - {name: MLDASH_PREPARE_{{ upper $kind }}_PARTITIONS, value: {{ int64 $count | quote }}}
        {{- end }}
        {{- include "mldash.settings" (list "MLDASH_PREPARE_" $own.settings) | nindent 8 }}
      volumeMounts: {{- include "mldash.mounts" $secrets | nindent 8 }}
{{- end }}

{{/* Of what the pods are: the revision is always 1 for Argo CD and for `helm template`. */}}
{{- define "mldash.prepare-name" -}}
{{ include "mldash.name" . }}-prepare-{{ include "mldash.prepare" . | sha256sum | trunc 10 }}
{{- end }}

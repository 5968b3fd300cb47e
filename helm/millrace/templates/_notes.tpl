{{- define "millrace.notes" -}}
{{ include "millrace.fullname" . }} runs in {{ .Release.Namespace }}.{{ if include "millrace.isExample" . }} It serves an example, which looks airports up in a small table. Set `config` to serve your own pipelines (helm/millrace/README.md).{{ end }}

Send it a stream:

  kubectl --namespace {{ .Release.Namespace }} port-forward service/{{ include "millrace.fullname" . }} 8080:{{ .Values.service.port }} &
  {{- $quoted := list }}
  {{- range splitList "\n" (include "millrace.testRecords" . | trim) }}
  {{- $quoted = append $quoted (printf "'%s'" (replace "'" "'\\''" .)) }}
  {{- end }}
  printf '%s\n' {{ join " " $quoted }} |
    curl -sSN -X POST -T - {{ if include "millrace.speaksTls" . -}}
    --cacert ca.crt --connect-to ::127.0.0.1: https://{{ include "millrace.host" . }}:8080
    {{- else }}http://127.0.0.1:8080{{ end }}/v1/enrich/{{ include "millrace.testPipeline" . }}
{{- with .Values.tls.secretName }}

ca.crt is the authority of the certificate:

  kubectl --namespace {{ $.Release.Namespace }} get secret {{ . }} -o jsonpath='{.data.ca\.crt}' | base64 -d > ca.crt
{{- end }}
{{- if include "millrace.hasClientCa" . }}

Clients need a certificate: add --cert tls.crt --key tls.key.
{{- end }}

Test it:

  helm --namespace {{ .Release.Namespace }} test {{ .Release.Name }}
{{- if .Values.ingress.enabled }}

From outside: {{ range .Values.ingress.hosts }} http{{ if $.Values.ingress.tls }}s{{ end }}://{{ . }}{{ $.Values.ingress.path }}{{ end }}
{{- end }}
{{- end }}

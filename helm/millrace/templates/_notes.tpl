{{- define "millrace.notes" -}}
{{ include "millrace.fullname" . }} runs in {{ .Release.Namespace }}.{{ if include "millrace.isExample" . }} It serves an example, which looks airports up in a small table. Set `config` to serve your own pipelines (helm/millrace/README.md).{{ end }}

Send it a stream:

  kubectl --namespace {{ .Release.Namespace }} port-forward service/{{ include "millrace.fullname" . }} 8080:{{ .Values.service.port }} &
  {{- $quoted := list }}
  {{- range splitList "\n" (include "millrace.testRecords" . | trim) }}
  {{- $quoted = append $quoted (printf "'%s'" (replace "'" "'\\''" .)) }}
  {{- end }}
  printf '%s\n' {{ join " " $quoted }} |
    curl -sSN -X POST -T - http://127.0.0.1:8080/v1/enrich/{{ include "millrace.testPipeline" . }}

Test it:

  helm --namespace {{ .Release.Namespace }} test {{ .Release.Name }}
{{- if .Values.ingress.enabled }}

From outside: {{ range .Values.ingress.hosts }} http{{ if $.Values.ingress.tls }}s{{ end }}://{{ . }}{{ $.Values.ingress.path }}{{ end }}
{{- end }}
{{- end }}

{{/* The endpoint of a ServiceMonitor or a PodMonitor: (list CONTEXT VALUES). */}}
{{- define "millrace.scrape" -}}
{{- $root := index . 0 -}}
{{- with index . 1 -}}
port: admin
path: /metrics
{{- if include "millrace.speaksTls" $root }}
scheme: https
{{- $own := dict "serverName" (printf "%s.svc" (include "millrace.host" $root)) -}}
{{- with $root.Values.tls.secretName -}}
{{- $own = set $own "ca" (dict "secret" (dict "name" . "key" "ca.crt")) -}}
{{- end }}
tlsConfig:
  {{- merge (deepCopy .tlsConfig) $own | toYaml | nindent 2 }}
{{- end }}
{{- with .authorization }}
authorization:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

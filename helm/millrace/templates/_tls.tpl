{{/* "true" if the listeners speak TLS, otherwise empty. The chart does not know the content of existingConfigMap. */}}
{{- define "millrace.speaksTls" -}}
{{- $config := include "millrace.config" . | fromYaml | default dict -}}
{{- if or .Values.tls.secretName ($config.server | default dict).tls -}}true{{- end -}}
{{- end }}

{{- define "millrace.scheme" -}}
{{- ternary "https" "http" (eq "true" (include "millrace.speaksTls" .)) -}}
{{- end }}

{{/* "true" if clients need a certificate, otherwise empty. */}}
{{- define "millrace.hasClientCa" -}}
{{- with .Values.tls.clientCa -}}{{- if or .secretName .configMapName -}}true{{- end -}}{{- end -}}
{{- end }}

{{/* The name of the Service in the cluster, which its certificate has to have. */}}
{{- define "millrace.host" -}}
{{ include "millrace.fullname" . }}.{{ .Release.Namespace }}
{{- end }}

{{/* The environment of the container: the files of server.tls. Variables have priority over the configuration. */}}
{{- define "millrace.tlsEnv" -}}
{{- if .Values.tls.secretName -}}
- { name: MILLRACE_SERVER_TLS_CERT, value: {{ .Values.tls.mountPath }}/server/tls.crt }
- { name: MILLRACE_SERVER_TLS_KEY, value: {{ .Values.tls.mountPath }}/server/tls.key }
{{- if include "millrace.hasClientCa" . }}
- { name: MILLRACE_SERVER_TLS_CLIENT_CA, value: {{ .Values.tls.mountPath }}/clients/{{ .Values.tls.clientCa.key }} }
{{- end }}
{{- end -}}
{{- end }}

{{/* Whole folders: a file that is mounted by subPath would never change in the container. */}}
{{- define "millrace.tlsMounts" -}}
{{- if .Values.tls.secretName -}}
- { name: tls, mountPath: {{ .Values.tls.mountPath }}/server, readOnly: true }
{{- if include "millrace.hasClientCa" . }}
- { name: client-ca, mountPath: {{ .Values.tls.mountPath }}/clients, readOnly: true }
{{- end }}
{{- end -}}
{{- end }}

{{- define "millrace.tlsVolumes" -}}
{{- with .Values.tls -}}
{{- if .secretName -}}
- name: tls
  secret:
    secretName: {{ .secretName }}
    defaultMode: 0440
{{- if include "millrace.hasClientCa" $ }}
- name: client-ca
  {{- if .clientCa.secretName }}
  secret:
    secretName: {{ .clientCa.secretName }}
    items: [{ key: {{ .clientCa.key }}, path: {{ .clientCa.key }} }]
    defaultMode: 0440
  {{- else }}
  configMap:
    name: {{ .clientCa.configMapName }}
    items: [{ key: {{ .clientCa.key }}, path: {{ .clientCa.key }} }]
  {{- end }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end }}

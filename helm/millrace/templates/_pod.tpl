{{- define "millrace.podSpec" -}}
serviceAccountName: {{ include "millrace.serviceAccountName" . }}
automountServiceAccountToken: false
{{- /* For a Service named millrace-server, Kubernetes would set variables such as MILLRACE_SERVER_PORT, which Millrace reads. */}}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "millrace.gracePeriodSeconds" . }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraInitContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: millrace
    {{- include "millrace.container" . | nindent 4 }}
  {{- with .Values.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ .Values.existingConfigMap | default (include "millrace.fullname" .) }}
  {{- with .Values.existingSecret }}
  - name: secrets
    secret:
      secretName: {{ . }}
      defaultMode: 0440
  {{- end }}
  {{- with include "millrace.tlsVolumes" . }}
  {{- . | nindent 2 }}
  {{- end }}
  - name: tmp
    emptyDir:
      {{- toYaml .Values.tmp | nindent 6 }}
  - name: spool
    emptyDir:
      {{- toYaml .Values.spool | nindent 6 }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  {{- $labels := dict "matchLabels" (include "millrace.selectorLabels" $ | fromYaml) }}
  {{- $own := dict "labelSelector" $labels "matchLabelKeys" (list "pod-template-hash") }}
  - {{- toYaml (ternary . (merge (deepCopy .) $own) (hasKey . "labelSelector")) | nindent 4 }}
  {{- end }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "millrace.container" -}}
{{- $scheme := ternary ", scheme: HTTPS" "" (eq "true" (include "millrace.speaksTls" .)) -}}
image: {{ include "millrace.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - serve
  - -c
  - /etc/millrace/millrace.yaml
  {{- range .Values.extraArgs }}
  - {{ . | quote }}
  {{- end }}
env:
  - { name: MILLRACE_SERVER_HOST, value: {{ .Values.bindAddress | quote }} }
  - { name: MILLRACE_SERVER_PORT, value: {{ .Values.ports.http | quote }} }
  - { name: MILLRACE_SERVER_ADMIN_HOST, value: {{ .Values.bindAddress | quote }} }
  - { name: MILLRACE_SERVER_ADMIN_PORT, value: {{ .Values.ports.admin | quote }} }
  - { name: MILLRACE_SERVER_SPOOL_DIR, value: /var/spool/millrace }
  {{- with include "millrace.tlsEnv" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - { name: http, containerPort: {{ .Values.ports.http }}, protocol: TCP }
  - { name: admin, containerPort: {{ .Values.ports.admin }}, protocol: TCP }
startupProbe:
  httpGet: { path: /livez, port: admin{{ $scheme }} }
  {{- toYaml .Values.probes.startup | nindent 2 }}
livenessProbe:
  httpGet: { path: /livez, port: admin{{ $scheme }} }
  {{- toYaml .Values.probes.liveness | nindent 2 }}
readinessProbe:
  httpGet: { path: /readyz, port: admin{{ $scheme }} }
  {{- toYaml .Values.probes.readiness | nindent 2 }}
{{- with int .Values.preStopSeconds }}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30.0-0" $.Capabilities.KubeVersion.Version }}
    sleep: { seconds: {{ . }} }
    {{- else }}
    exec: { command: [node, -e, 'setTimeout(() => {}, {{ . }}000)'] }
    {{- end }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - { name: config, mountPath: /etc/millrace, readOnly: true }
  {{- if .Values.existingSecret }}
  - { name: secrets, mountPath: {{ .Values.secretMountPath }}, readOnly: true }
  {{- end }}
  {{- with include "millrace.tlsMounts" . }}
  {{- . | nindent 2 }}
  {{- end }}
  - { name: tmp, mountPath: /tmp }
  - { name: spool, mountPath: /var/spool/millrace }
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
For the chart of an application that depends on this one with `alias: millrace` and has its values below `millrace`.
Each template takes the context `.` of a template of the application:

  millrace.sidecar.container   an item of initContainers
  millrace.sidecar.volumes     the items of volumes that the container needs
  millrace.sidecar.configMap   the ConfigMap with the configuration
  millrace.sidecar.checksum    a checksum of the ConfigMap, for an annotation of the pod: a change replaces the pods
*/}}

{{/*
The configuration as JSON, with `retry.on` restored: Helm reads YAML 1.1, where `on` is a boolean, and names the key "true".
*/}}
{{- define "millrace.sidecar.configAsWritten" -}}
{{- $config := deepCopy (. | default dict) -}}
{{- range $lookup := values ($config.lookups | default dict) -}}
{{- $retry := dict -}}
{{- if kindIs "map" $lookup -}}{{- $retry = $lookup.retry | default dict -}}{{- end -}}
{{- if hasKey $retry "true" -}}
{{- $_ := set $retry "on" (get $retry "true") -}}
{{- $_ := unset $retry "true" -}}
{{- end -}}
{{- end -}}
{{- toJson $config -}}
{{- end }}

{{/* The places of all names that YAML 1.1 reads as booleans, each after a line break: (list PLACE VALUE). */}}
{{- define "millrace.sidecar.booleanNames" -}}
{{- $place := index . 0 -}}
{{- $value := index . 1 -}}
{{- if kindIs "map" $value -}}
{{- range $name, $inner := $value -}}
{{- if has $name (list "true" "false") }}
{{ $place }}.{{ $name }}
{{- end -}}
{{- include "millrace.sidecar.booleanNames" (list (printf "%s.%s" $place $name) $inner) -}}
{{- end -}}
{{- else if kindIs "slice" $value -}}
{{- range $index, $inner := $value -}}
{{- include "millrace.sidecar.booleanNames" (list (printf "%s.%d" $place $index) $inner) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "millrace.sidecar.values" -}}
{{- .Values.millrace | default (index .Values "millrace-sidecar") | toJson -}}
{{- end }}

{{- define "millrace.sidecar.container" -}}
{{- $values := include "millrace.sidecar.values" . | fromJson -}}
{{- with $values -}}
{{- $tls := ((.config | default dict).server | default dict).tls -}}
{{- $scheme := ternary ", scheme: HTTPS" "" (not (empty $tls)) -}}
- name: millrace
  # This makes the init container a sidecar: it runs until the containers of the application have ended.
  restartPolicy: Always
  {{- if .image.digest }}
  image: {{ .image.repository }}@{{ .image.digest }}
  {{- else }}
  image: {{ .image.repository }}:{{ .image.tag }}
  {{- end }}
  imagePullPolicy: {{ .image.pullPolicy }}
  args:
    - serve
    - -c
    - /etc/millrace/millrace.yaml
    - --host=127.0.0.1
    - --port={{ .port }}
    - --admin-host={{ ternary "0.0.0.0" "127.0.0.1" .metrics }}
    - --admin-port={{ .adminPort }}
  env:
    - { name: MILLRACE_SERVER_SPOOL_DIR, value: /var/spool/millrace }
    {{- with .extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if .metrics }}
  ports:
    - { name: millrace-admin, containerPort: {{ .adminPort }}, protocol: TCP }
  startupProbe:
    httpGet: { path: /readyz, port: millrace-admin{{ $scheme }} }
    periodSeconds: 1
    timeoutSeconds: 2
    failureThreshold: {{ .startupSeconds }}
  livenessProbe:
    httpGet: { path: /livez, port: millrace-admin{{ $scheme }} }
    periodSeconds: 10
    timeoutSeconds: 5
  readinessProbe:
    httpGet: { path: /readyz, port: millrace-admin{{ $scheme }} }
    periodSeconds: 5
    timeoutSeconds: 2
  {{- else }}
  # The kubelet connects from outside the pod and cannot reach 127.0.0.1 in it, so the probe runs inside the container.
  startupProbe:
    exec:
      command:
        - node
        - -e
        - |
          {{- if $tls }}
          require('https')
            .get('https://127.0.0.1:{{ .adminPort }}/readyz', { rejectUnauthorized: false })
            .on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
            .on('error', () => process.exit(1))
          {{- else }}
          fetch('http://127.0.0.1:{{ .adminPort }}/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))
          {{- end }}
    periodSeconds: 1
    timeoutSeconds: 5
    failureThreshold: {{ .startupSeconds }}
  {{- end }}
  {{- with .resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    - { name: millrace-config, mountPath: /etc/millrace, readOnly: true }
    {{- if .existingSecret }}
    - { name: millrace-secrets, mountPath: {{ .secretMountPath }}, readOnly: true }
    {{- end }}
    - { name: millrace-tmp, mountPath: /tmp }
    - { name: millrace-spool, mountPath: /var/spool/millrace }
    {{- with .extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}

{{- define "millrace.sidecar.configMapName" -}}
{{- $values := include "millrace.sidecar.values" . | fromJson -}}
{{- $values.existingConfigMap | default (printf "%s-millrace" (.Release.Name | trunc 54 | trimSuffix "-")) -}}
{{- end }}

{{- define "millrace.sidecar.volumes" -}}
{{- $values := include "millrace.sidecar.values" . | fromJson -}}
- name: millrace-config
  configMap: { name: {{ include "millrace.sidecar.configMapName" . }} }
{{- with $values.existingSecret }}
- name: millrace-secrets
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
- name: millrace-tmp
  emptyDir: {}
- name: millrace-spool
  emptyDir:
    {{- toYaml $values.spool | nindent 4 }}
{{- end }}

{{/*
Converts a size of the configuration (8GiB, 10MB) or of Kubernetes (10Gi, 500M) to bytes. Empty for any other text, such as
a reference, because the chart does not know its value.
*/}}
{{- define "millrace.sidecar.bytes" -}}
{{- if regexMatch "^(float|int)" (kindOf .) -}}
{{- int64 . -}}
{{- else if regexMatch "^[0-9]+(\\.[0-9]+)?([kKMGTPE]i?)?B?$" (toString .) -}}
{{- $units := dict "" 1 "k" 1e3 "K" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- mulf (regexFind "^[0-9.]+" (toString .)) (get $units (regexFind "[A-Za-z]+$" (toString .) | trimSuffix "B")) | int64 -}}
{{- end -}}
{{- end }}

{{/*
Why the volume of the spool is too small: (list PREFIX VALUES CONFIG). Empty if it is not, or if one of the sizes is
unknown. An environment variable has priority over the configuration.
*/}}
{{- define "millrace.sidecar.smallSpool" -}}
{{- $prefix := index . 0 -}}
{{- $values := index . 1 -}}
{{- $config := index . 2 -}}
{{- $total := (($config.server | default dict).limits | default dict).spoolTotalBytes | default "8GiB" -}}
{{- $key := printf "%sconfig.server.limits.spoolTotalBytes" $prefix -}}
{{- range $values.extraEnv -}}
{{- if eq .name "MILLRACE_SERVER_LIMITS_SPOOL_TOTAL_BYTES" -}}
{{- $total = .value | default "" -}}
{{- $key = printf "%s in %sextraEnv" .name $prefix -}}
{{- end -}}
{{- end -}}
{{- $most := include "millrace.sidecar.bytes" $total -}}
{{- $volume := include "millrace.sidecar.bytes" $values.spool.sizeLimit -}}
{{- if and $most $volume (le (int64 $volume) (int64 $most)) -}}
{{- printf "%sspool.sizeLimit is %v, but so much may be spooled that the volume overflows and the pod is evicted: %s is %v; set %sspool.sizeLimit to more than that" $prefix $values.spool.sizeLimit $key $total $prefix -}}
{{- end -}}
{{- end }}

{{/* The data of the ConfigMap. Empty if existingConfigMap is set. */}}
{{- define "millrace.sidecar.data" -}}
{{- $values := include "millrace.sidecar.values" . | fromJson -}}
{{- if not $values.existingConfigMap -}}
{{- $wrong := include "millrace.sidecar.booleanNames" (list "millrace.config" (include "millrace.sidecar.configAsWritten" $values.config | fromJson)) | trim -}}
{{- if $wrong -}}
{{- fail (printf "%s: a name that Helm reads as a boolean (on, off, yes, no, y, n, true, false): put it in quotes" (replace "\n" ", " $wrong)) -}}
{{- end -}}
{{- $config := $values.configFile | default (include "millrace.sidecar.configAsWritten" $values.config | fromJson | toYaml) -}}
{{- if not (or $values.configFile ($values.config | default dict).pipelines) -}}
{{- fail "millrace has no configuration: set millrace.config, millrace.configFile or millrace.existingConfigMap" -}}
{{- end -}}
{{- with include "millrace.sidecar.smallSpool" (list "millrace." $values ($config | fromYaml)) -}}
{{- fail . -}}
{{- end -}}
{{- merge (dict "millrace.yaml" $config) ($values.files | default dict) | toYaml -}}
{{- end -}}
{{- end }}

{{- define "millrace.sidecar.checksum" -}}
{{- include "millrace.sidecar.data" . | sha256sum -}}
{{- end }}

{{- define "millrace.sidecar.configMap" -}}
{{- with include "millrace.sidecar.data" . -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "millrace.sidecar.configMapName" $ }}
  namespace: {{ $.Release.Namespace }}
data:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

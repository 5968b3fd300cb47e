{{/* The configuration as YAML, as far as the chart knows it: empty for an existing ConfigMap. */}}
{{- define "millrace.config" -}}
{{- if .Values.existingConfigMap -}}
{{- else if .Values.configFile -}}
{{- .Values.configFile -}}
{{- else if (.Values.config | default dict).pipelines -}}
{{- toYaml .Values.config -}}
{{- else -}}
{{- merge (deepCopy (.Values.config | default dict)) (.Files.Get "example/millrace.yaml" | fromYaml) | toYaml -}}
{{- end -}}
{{- end }}

{{/* "true" where the example is served. */}}
{{- define "millrace.isExample" -}}
{{- if not (or .Values.existingConfigMap .Values.configFile (.Values.config | default dict).pipelines) -}}true{{- end -}}
{{- end }}

{{- define "millrace.configMapData" -}}
{{- $data := dict "millrace.yaml" (include "millrace.config" .) -}}
{{- if include "millrace.isExample" . -}}
{{- $data = set $data "airports.csv" (.Files.Get "example/airports.csv") -}}
{{- end -}}
{{- merge $data (.Values.files | default dict) | toYaml -}}
{{- end }}

{{/*
The seconds that running streams may take to finish, rounded up: server.drainTimeout as the configuration spells it, or
its default. Where it is a reference, or stands in an existing ConfigMap, the chart can not know it.
*/}}
{{- define "millrace.drainSeconds" -}}
{{- $server := (include "millrace.config" . | fromYaml).server | default dict -}}
{{- $text := $server.drainTimeout | default "30s" | toString -}}
{{- if not (regexMatch "^(0|[0-9]+(\\.[0-9]+)?(ms|s|m|h))$" $text) -}}
{{- fail (printf "config.server.drainTimeout is %q, which the chart can not compute with: set terminationGracePeriodSeconds, or a duration such as 30s" $text) -}}
{{- end -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := regexFind "[a-z]+$" $text | default "s" -}}
{{- $seconds := get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit -}}
{{- mulf $number $seconds | ceil | int -}}
{{- end }}

{{/* preStop and draining both belong to the grace period; 5 seconds more are for what follows the drain. */}}
{{- define "millrace.gracePeriodSeconds" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- add (int .Values.preStopSeconds) (include "millrace.drainSeconds" . | int) 5 -}}
{{- else -}}
{{- int .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end }}

{{/* The pipeline that `helm test` and the notes use. */}}
{{- define "millrace.testPipeline" -}}
{{- $known := (include "millrace.config" . | fromYaml).pipelines | default dict -}}
{{- .Values.tests.pipeline | default (keys $known | sortAlpha | first) -}}
{{- end }}

{{/* The records that they send, one a line. */}}
{{- define "millrace.testRecords" -}}
{{- $example := list (dict "origin" "DTW") (dict "origin" "LAS") -}}
{{- $empty := list dict dict -}}
{{- range .Values.tests.records | default (ternary $example $empty (eq "true" (include "millrace.isExample" .))) }}
{{ toJson . }}
{{- end -}}
{{- end }}

{{/*
The configuration as JSON, with `retry.on` restored: Helm reads YAML 1.1, where `on` is a boolean, and names the key "true".
*/}}
{{- define "millrace.configAsWritten" -}}
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
{{- define "millrace.booleanNames" -}}
{{- $place := index . 0 -}}
{{- $value := index . 1 -}}
{{- if kindIs "map" $value -}}
{{- range $name, $inner := $value -}}
{{- if has $name (list "true" "false") }}
{{ $place }}.{{ $name }}
{{- end -}}
{{- include "millrace.booleanNames" (list (printf "%s.%s" $place $name) $inner) -}}
{{- end -}}
{{- else if kindIs "slice" $value -}}
{{- range $index, $inner := $value -}}
{{- include "millrace.booleanNames" (list (printf "%s.%d" $place $index) $inner) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The configuration as YAML. Empty for an existing ConfigMap, whose content the chart does not know. */}}
{{- define "millrace.config" -}}
{{- if .Values.existingConfigMap -}}
{{- else if .Values.configFile -}}
{{- .Values.configFile -}}
{{- else if (.Values.config | default dict).pipelines -}}
{{- include "millrace.configAsWritten" .Values.config | fromJson | toYaml -}}
{{- else -}}
{{- merge (include "millrace.configAsWritten" .Values.config | fromJson) (.Files.Get "example/millrace.yaml" | fromYaml) | toYaml -}}
{{- end -}}
{{- end }}

{{/* "true" if the chart serves the example, otherwise empty. */}}
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
Converts a duration of the configuration to whole seconds, rounded up: (list KEY TEXT). Fails for a reference, such as
${DRAIN}, because the chart does not know its value.
*/}}
{{- define "millrace.seconds" -}}
{{- $text := index . 1 | toString -}}
{{- if not (regexMatch "^(0|[0-9]+(\\.[0-9]+)?(ms|s|m|h))$" $text) -}}
{{- fail (printf "%s is %q, which the chart cannot compute with: set terminationGracePeriodSeconds, or a duration such as 30s" (index . 0) $text) -}}
{{- end -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := regexFind "[a-z]+$" $text | default "s" -}}
{{- mulf $number (get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit) | ceil | int -}}
{{- end }}

{{/*
Converts a size of the configuration (8GiB, 10MB) or of Kubernetes (10Gi, 500M) to bytes. Empty for any other text, such as
a reference, because the chart does not know its value.
*/}}
{{- define "millrace.bytes" -}}
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
{{- define "millrace.smallSpool" -}}
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
{{- $most := include "millrace.bytes" $total -}}
{{- $volume := include "millrace.bytes" $values.spool.sizeLimit -}}
{{- if and $most $volume (le (int64 $volume) (int64 $most)) -}}
{{- printf "%sspool.sizeLimit is %v, but so much may be spooled that the volume overflows and the pod is evicted: %s is %v; set %sspool.sizeLimit to more than that" $prefix $values.spool.sizeLimit $key $total $prefix -}}
{{- end -}}
{{- end }}

{{/*
The seconds that a pod needs to end: preStop, then the drain, then the last export of spans if tracing is on, and 5 seconds
to spare. For an existing ConfigMap the defaults are assumed.
*/}}
{{- define "millrace.gracePeriodSeconds" -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{- $config := include "millrace.config" . | fromYaml -}}
{{- $drain := list "config.server.drainTimeout" (($config.server | default dict).drainTimeout | default "30s") -}}
{{- $export := list "config.tracing.otlp.timeout" "0" -}}
{{- with ($config.tracing | default dict).otlp -}}
{{- $export = list (index $export 0) (.timeout | default "3s") -}}
{{- end -}}
{{- add .Values.preStopSeconds (include "millrace.seconds" $drain) (include "millrace.seconds" $export) 5 -}}
{{- else -}}
{{- int .Values.terminationGracePeriodSeconds -}}
{{- end -}}
{{- end }}

{{/* The pipeline that `helm test` and the notes use. */}}
{{- define "millrace.testPipeline" -}}
{{- $known := (include "millrace.config" . | fromYaml).pipelines | default dict -}}
{{- .Values.tests.pipeline | default (keys $known | sortAlpha | first) -}}
{{- end }}

{{/* The records that `helm test` and the notes send, one per line. */}}
{{- define "millrace.testRecords" -}}
{{- $example := list (dict "origin" "DTW") (dict "origin" "LAS") -}}
{{- $empty := list dict dict -}}
{{- range .Values.tests.records | default (ternary $example $empty (eq "true" (include "millrace.isExample" .))) }}
{{ toJson . }}
{{- end -}}
{{- end }}

{{/* The groups of alerts/*.yaml without the alerts of prometheusRule.except, as a JSON object {groups: […]}. */}}
{{- define "millrace.alerts" -}}
{{- $groups := list -}}
{{- range $path, $_ := .Files.Glob "alerts/*.yaml" -}}
{{- range ($.Files.Get $path | fromYaml).groups -}}
{{- $rules := list -}}
{{- range .rules -}}
{{- if not (hasKey . "alert") -}}
{{- $rules = append $rules . -}}
{{- else if not (has .alert $.Values.prometheusRule.except) -}}
{{- $rules = append $rules (include "millrace.alert" (list . $.Values.prometheusRule) | fromJson) -}}
{{- end -}}
{{- end -}}
{{- if $rules -}}
{{- $groups = append $groups (merge (dict "rules" $rules) .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "groups" $groups | toJson -}}
{{- end }}

{{/* One alert, with the labels and the address of the runbook from the values: (list ALERT VALUES). */}}
{{- define "millrace.alert" -}}
{{- $alert := deepCopy (index . 0) -}}
{{- $values := index . 1 -}}
{{- with $values.alertLabels -}}
{{- $_ := set $alert "labels" (merge (deepCopy .) ($alert.labels | default dict)) -}}
{{- end -}}
{{- $runbook := ($alert.annotations | default dict).runbook_url -}}
{{- if and $runbook $values.runbookBase -}}
{{- $_ := set $alert.annotations "runbook_url" (printf "%s%s" $values.runbookBase $runbook) -}}
{{- end -}}
{{- toJson $alert -}}
{{- end }}

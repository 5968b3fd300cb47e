{{/* Refuses values that contradict each other, which a schema cannot express. All of them are reported at once. */}}
{{- define "millrace.check" -}}
{{- $wrong := list -}}
{{- with .Values -}}
{{- if and .autoscaling.enabled .keda.enabled -}}
{{- $wrong = append $wrong "autoscaling.enabled and keda.enabled are both true, and both would set the number of pods: enable only one" -}}
{{- end -}}
{{- if and .autoscaling.enabled (not .autoscaling.cpu.averageUtilization) (not .autoscaling.utilization.averageValue) -}}
{{- $wrong = append $wrong "autoscaling has no metric: set autoscaling.cpu.averageUtilization or autoscaling.utilization.averageValue" -}}
{{- end -}}
{{- if and .keda.enabled (not .keda.prometheus.serverAddress) (not .keda.triggers) -}}
{{- $wrong = append $wrong "keda has no trigger: set keda.prometheus.serverAddress or keda.triggers" -}}
{{- end -}}
{{- if and .serviceMonitor.enabled .podMonitor.enabled -}}
{{- $wrong = append $wrong "serviceMonitor.enabled and podMonitor.enabled are both true, and every sample would be counted twice: enable only one" -}}
{{- end -}}
{{- if and .podDisruptionBudget.enabled (eq (empty (toString .podDisruptionBudget.minAvailable)) (empty (toString .podDisruptionBudget.maxUnavailable))) -}}
{{- $wrong = append $wrong "podDisruptionBudget needs exactly one of minAvailable and maxUnavailable: set the other one to ''" -}}
{{- end -}}
{{- $sources := list -}}
{{- range $name := list "config" "configFile" "existingConfigMap" -}}
{{- if get $.Values $name -}}{{- $sources = append $sources $name -}}{{- end -}}
{{- end -}}
{{- if gt (len $sources) 1 -}}
{{- $wrong = append $wrong (printf "%s are set together, and each is the whole configuration: set only one" (join " and " $sources)) -}}
{{- end -}}
{{- if and .existingConfigMap .files -}}
{{- $wrong = append $wrong "files are put into the ConfigMap of the chart, which is not created because existingConfigMap is set: put the files into existingConfigMap" -}}
{{- end -}}
{{- if and .existingConfigMap .tests.enabled (not .tests.pipeline) -}}
{{- $wrong = append $wrong "tests.pipeline is empty, and the chart does not know the pipelines in existingConfigMap: set tests.pipeline to one of them, or tests.enabled to false" -}}
{{- end -}}
{{- $config := .config | default dict -}}
{{- if and $config.lookups (not $config.pipelines) -}}
{{- $wrong = append $wrong "config.lookups is set without config.pipelines, so no pipeline would use the lookups: add a pipeline" -}}
{{- end -}}
{{- if hasKey (.files | default dict) "millrace.yaml" -}}
{{- $wrong = append $wrong "files cannot hold millrace.yaml: set config or configFile" -}}
{{- end -}}
{{- $server := $config.server | default dict -}}
{{- if and (hasKey $server "port") (ne (toString $server.port) (toString .ports.http)) -}}
{{- $wrong = append $wrong (printf "config.server.port is %v, but the pod listens on ports.http, which is %v: set ports.http instead" $server.port .ports.http) -}}
{{- end -}}
{{- $admin := $server.admin | default dict -}}
{{- if and (hasKey $admin "port") (ne (toString $admin.port) (toString .ports.admin)) -}}
{{- $wrong = append $wrong (printf "config.server.admin.port is %v, but the pod listens on ports.admin, which is %v: set ports.admin instead" $admin.port .ports.admin) -}}
{{- end -}}
{{- if eq (int .ports.http) (int .ports.admin) -}}
{{- $wrong = append $wrong "ports.http and ports.admin are the same: set two different ports" -}}
{{- end -}}
{{- range $place := include "millrace.booleanNames" (list "config" (include "millrace.configAsWritten" .config | fromJson)) | trim | splitList "\n" -}}
{{- if $place -}}
{{- $wrong = append $wrong (printf "%s is a name that Helm reads as a boolean (on, off, yes, no, y, n, true, false): put it in quotes" $place) -}}
{{- end -}}
{{- end -}}
{{- if not .existingConfigMap -}}
{{- with include "millrace.smallSpool" (list "" . (include "millrace.config" $ | fromYaml)) -}}
{{- $wrong = append $wrong . -}}
{{- end -}}
{{- end -}}
{{- if and .tls.certManager.enabled (not (and .tls.secretName .tls.certManager.issuerRef.name)) -}}
{{- $wrong = append $wrong "tls.certManager needs tls.secretName, the Secret that it writes, and tls.certManager.issuerRef.name: set both" -}}
{{- end -}}
{{- if and .tls.clientCa.secretName .tls.clientCa.configMapName -}}
{{- $wrong = append $wrong "tls.clientCa.secretName and tls.clientCa.configMapName are both set: set only one" -}}
{{- end -}}
{{- if and (or .tls.clientCa.secretName .tls.clientCa.configMapName) (not .tls.secretName) -}}
{{- $wrong = append $wrong "tls.clientCa needs TLS: set tls.secretName" -}}
{{- end -}}
{{- if and .tls.secretName $server.tls -}}
{{- $wrong = append $wrong "config.server.tls and tls.secretName are set together: set only tls.secretName" -}}
{{- end -}}
{{- if and (eq .service.type "ClusterIP") (or .service.nodePort .service.externalTrafficPolicy) -}}
{{- $wrong = append $wrong "service.nodePort and service.externalTrafficPolicy need service.type NodePort or LoadBalancer, but it is ClusterIP: set service.type" -}}
{{- end -}}
{{- if .lifecycle -}}
{{- $wrong = append $wrong "lifecycle is set by the chart, so that a pod drains before it ends: set preStopSeconds and terminationGracePeriodSeconds instead" -}}
{{- end -}}
{{- range $index, $host := .ingress.hosts -}}
{{- if kindIs "map" $host -}}
{{- $wrong = append $wrong (printf "ingress.hosts[%d] is a map, but hosts are names, and ingress.path is the path of all hosts: write ingress.hosts: [%s]" $index ($host.host | default "a.example")) -}}
{{- end -}}
{{- end -}}
{{- if and .ingress.enabled (not .ingress.hosts) -}}
{{- $wrong = append $wrong "ingress has no host: set ingress.hosts" -}}
{{- end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) -}}
{{- $wrong = append $wrong "httpRoute has no Gateway: set httpRoute.parentRefs" -}}
{{- end -}}
{{- end -}}
{{- if $wrong -}}
{{- printf "\n- %s" (join "\n- " $wrong) | fail -}}
{{- end -}}
{{- end }}

{{/*
Values that are each possible and together are not: said in a sentence, as a schema cannot. Types and ranges are
values.schema.json's.
*/}}

{{- define "switch.refuse" -}}
{{- $settings := include "switch.settings" . | fromJson -}}
{{- $name := include "switch.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
  {{- fail (printf "%s cannot be a Service's name: those begin with a letter and have no dots. Set fullnameOverride." $name) -}}
{{- end -}}
{{- include "switch.refuse.pod" (list . $settings) -}}
{{- include "switch.refuse.network" (list . $settings) -}}
{{- include "switch.refuse.ports" $settings -}}
{{- include "switch.refuse.configuration" . -}}
{{- include "switch.refuse.scaling" . -}}
{{- include "switch.refuse.metrics" (list . $settings) -}}
{{- include "switch.refuse.test" . -}}
{{- include "switch.refuse.standing" (list . $settings) -}}
{{- end }}

{{- define "switch.refuse.pod" -}}
{{- $root := index . 0 -}}
{{- $repository := $root.Values.image.repository -}}
{{- $last := splitList "/" $repository | last -}}
{{- if or (contains ":" $last) (contains "@" $repository) -}}
  {{- fail (printf "image.repository is %s: the name alone belongs there, the tag into image.tag and the digest into image.digest." $repository) -}}
{{- end -}}
{{- if not (regexMatch "^([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*$" $repository) -}}
  {{- fail (printf "image.repository is %s, which is no image's name: behind the registry those have small letters, digits, and . _ - / between them." $repository) -}}
{{- end -}}
{{- $own := dict "podLabels" (include "switch.pods" $root | fromYaml) "podAnnotations" (include "switch.annotations" . | fromYaml) -}}
{{- range $value, $its := $own -}}
  {{- range $key, $_ := get $root.Values $value -}}
    {{- if hasKey $its $key -}}
      {{- fail (printf "%s sets %s, which the chart sets itself: it would stand there twice." $value $key) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "switch.refuse.network" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
{{- $reach := $settings.reach -}}
{{- $service := $root.Values.network.service -}}
{{- $count := int $root.Values.replicaCount -}}
{{- $scaled := ne $root.Values.autoscaling.type "none" -}}
{{- $address := "([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)" -}}
{{- $each := printf "\\s*%s/[0-9]{1,3}\\s*=\\s*%s\\s*" $address $address -}}
{{- if not (regexMatch (printf "^(|auto|%s|%s(,%s)*)$" $address $each $each) (trim $settings.advertise)) -}}
  {{- fail (printf "sip.advertise is %q: write an address, auto, or a list NETWORK=ADDRESS,…; peers are told no host name." $settings.advertise) -}}
{{- end -}}
{{- if eq $reach "LoadBalancer" -}}
  {{- if lt (len $service.addresses) $count -}}
    {{- fail (printf "network.service.addresses has %d entries and replicaCount is %d: with LoadBalancer each pod tells its peers an address of its own, so write one a pod." (len $service.addresses) $count) -}}
  {{- end -}}
  {{- if ne (len $service.addresses) (len (uniq $service.addresses)) -}}
    {{- fail "network.service.addresses names an address twice: each pod needs one of its own." -}}
  {{- end -}}
  {{- if $settings.advertise -}}
    {{- fail "sip.advertise is set, but with LoadBalancer each pod tells its own entry of network.service.addresses: leave sip.advertise empty." -}}
  {{- end -}}
{{- else -}}
  {{- if $service.addresses -}}
    {{- fail "network.service.addresses is for network.service.type LoadBalancer: with the host network and with NodePort a pod is called at its node's address." -}}
  {{- end -}}
  {{- if or $service.sourceRanges $service.loadBalancerClass -}}
    {{- fail "network.service.sourceRanges and loadBalancerClass are for network.type service with network.service.type LoadBalancer; nothing would heed them here." -}}
  {{- end -}}
{{- end -}}
{{- if and (eq $reach "host") (or $service.annotations $service.nodeSelector) -}}
  {{- fail "network.service.annotations and nodeSelector are for network.type service; nothing would heed them here." -}}
{{- end -}}
{{- if and (eq $reach "NodePort") (eq $settings.advertise "auto") -}}
  {{- fail "sip.advertise is auto, but with NodePort that is the pod's own address, where nobody outside the cluster reaches it: leave sip.advertise empty for the node's address, or write one." -}}
{{- end -}}
{{- if and $settings.advertise (ne $settings.advertise "auto") (or $scaled (gt $count 1)) -}}
  {{- fail (printf "sip.advertise is %s, and there is more than one pod: all of them would tell their peers the same address. Leave it empty for each node's own, or use a release for each address." $settings.advertise) -}}
{{- end -}}
{{- if ne $reach "host" -}}
  {{- if $scaled -}}
    {{- fail (printf "autoscaling.type is %s and network.type is service: each pod needs a Service of its own there, and only Helm makes them. Set replicaCount, or network.type host." $root.Values.autoscaling.type) -}}
  {{- end -}}
  {{- if $settings.http.loopback -}}
    {{- fail (printf "http.listen is %s: in a pod's own network the kubelet cannot reach a loopback address, and the pod would never be ready. Use 0.0.0.0:9282 and networkPolicy." $settings.http.listen) -}}
  {{- end -}}
  {{- if not (has $settings.http.address (list "0.0.0.0" "[::]")) -}}
    {{- fail (printf "http.listen is %s: a pod's address is not known before it runs, so listen on 0.0.0.0 or [::] in network type service." $settings.http.listen) -}}
  {{- end -}}
  {{- range $settings.listeners -}}
    {{- if not (has .address (list "*" "0.0.0.0" "[::]")) -}}
      {{- fail (printf "sip.listen has the address %s: a pod's address is not known before it runs, so write * in network type service." .address) -}}
    {{- end -}}
  {{- end -}}
{{- else if $root.Values.networkPolicy.enabled -}}
  {{- fail "networkPolicy.enabled is true and network.type is host: a NetworkPolicy has no effect on pods of the host network. Leave it off, and let the nodes' firewall do it." -}}
{{- end -}}
{{- end }}

{{- define "switch.refuse.ports" -}}
{{- $reach := .reach -}}
{{- $http := int .http.port -}}
{{- $pods := .pods | default (list (dict "listeners" .listeners "range" .range)) -}}
{{- $size := add 1 (sub (int .range.last) (int .range.first)) -}}
{{- if and (ne $reach "host") (gt $size 500) -}}
  {{- fail (printf "rtp.ports has %d ports: in network type service each is a line of a Service and a rule on every node, so take 500 at most, or network.type host." $size) -}}
{{- end -}}
{{- if lt (sub (int .range.last) (add (int .range.first) (mod (int .range.first) 2))) 1 -}}
  {{- fail (printf "rtp.ports is %s: a stream takes an even port and the odd one after it, and none are there." .range.text) -}}
{{- end -}}
{{- if lt (int .range.first) 1024 -}}
  {{- fail (printf "rtp.ports is %s: the switch runs without root and without capabilities, so choose ports from 1024 to 65535." .range.text) -}}
{{- end -}}
{{- $seen := list -}}
{{- range .listeners -}}
  {{- $socket := printf "%s port %d" .transport (int .port) -}}
  {{- $wild := has .address (list "*" "0.0.0.0" "[::]") -}}
  {{- $address := ternary "*" .address $wild -}}
  {{- range ternary (list 4 6) (list (ternary 6 4 (contains ":" .address))) (eq .address "*") -}}
    {{- $key := printf "%s over IPv%d" $socket . -}}
    {{- if or (has (printf "%s *" $key) $seen) (has (printf "%s %s" $key $address) $seen) (and $wild (has $key $seen)) -}}
      {{- fail (printf "sip.listen names %s twice." $socket) -}}
    {{- end -}}
    {{- $seen = concat $seen (list $key (printf "%s %s" $key $address)) -}}
  {{- end -}}
{{- end -}}
{{- $signalling := list -}}
{{- range $pods -}}
  {{- range .listeners -}}
    {{- $port := int .port -}}
    {{- $signalling = append $signalling $port -}}
    {{- if and (eq $reach "NodePort") (or (lt $port 30000) (gt $port 32767)) -}}
      {{- fail (printf "SIP port %d is no node port: the API server gives 30000 to 32767, and inside and outside the port has to be the same, since Contact names it. Choose sip.listen for all %d pods from there." $port (len $pods)) -}}
    {{- end -}}
    {{- if and (eq $port $http) (eq .transport "tcp") -}}
      {{- fail (printf "port %d is both in sip.listen and in http.listen." $port) -}}
    {{- end -}}
  {{- end -}}
  {{- if and (eq $reach "NodePort") (or (lt (int .range.first) 30000) (gt (int .range.last) 32767)) -}}
    {{- fail (printf "media ports %s are no node ports: the API server gives 30000 to 32767, and inside and outside they have to be the same, since SDP names them. Choose rtp.ports so that those of all %d pods fit." .range.text (len $pods)) -}}
  {{- end -}}
{{- end -}}
{{- range $pods -}}
  {{- $range := .range -}}
  {{- range $signalling -}}
    {{- if and (ge . (int $range.first)) (le . (int $range.last)) -}}
      {{- fail (printf "SIP port %d lies among the media ports %s: choose sip.listen outside rtp.ports." . $range.text) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "switch.refuse.configuration" -}}
{{- if and .Values.existingConfigMap (or .Values.config .Values.routes) -}}
  {{- fail (printf "existingConfigMap is %s, and config or routes is set, too: the configuration comes from one or the other." .Values.existingConfigMap) -}}
{{- end -}}
{{- range $variable, $value := include "switch.owned" . | fromYaml -}}
  {{- $path := splitList "__" (lower $variable) -}}
  {{- $table := get $.Values.config (index $path 1) | default dict -}}
  {{- if hasKey $table (index $path 2) -}}
    {{- fail (printf "config.%s.%s is what the chart sets itself, for Services and probes need it, too: write it to %s." (index $path 1) (index $path 2) $value) -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "switch.refuse.scaling" -}}
{{- $values := .Values -}}
{{- $count := int $values.replicaCount -}}
{{- if ne $values.autoscaling.type "none" -}}
  {{- $count = int $values.autoscaling.minReplicas -}}
  {{- if gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas) -}}
    {{- fail (printf "autoscaling.minReplicas is %d, more than autoscaling.maxReplicas, which is %d." (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas)) -}}
  {{- end -}}
  {{- if not $values.metrics.enabled -}}
    {{- fail (printf "autoscaling.type is %s and metrics.enabled is false: it scales by switch_calls, which nobody would read." $values.autoscaling.type) -}}
  {{- end -}}
{{- end -}}
{{- if and (eq $values.autoscaling.type "keda") (not $values.autoscaling.keda.serverAddress) -}}
  {{- fail "autoscaling.type is keda: write Prometheus' address to autoscaling.keda.serverAddress, for instance http://prometheus.monitoring.svc:9090." -}}
{{- end -}}
{{- $budget := $values.podDisruptionBudget -}}
{{- if $budget.enabled -}}
  {{- if ne (toString $budget.minAvailable) "" -}}
    {{- if ne (toString $budget.maxUnavailable) "" -}}
      {{- fail "podDisruptionBudget has both maxUnavailable and minAvailable, and Kubernetes takes one: set the other to \"\"." -}}
    {{- end -}}
    {{- $stay := int $budget.minAvailable -}}
    {{- if hasSuffix "%" (toString $budget.minAvailable) -}}
      {{- /* A share is rounded up. */ -}}
      {{- $stay = div (add 99 (mul $count (trimSuffix "%" $budget.minAvailable | int))) 100 | int -}}
    {{- end -}}
    {{- if and (gt $count 0) (ge $stay $count) -}}
      {{- fail (printf "podDisruptionBudget.minAvailable is %v, and no more pods than %d may run: none could ever be evicted, and no node drained." $budget.minAvailable $count) -}}
    {{- end -}}
  {{- else if has (toString $budget.maxUnavailable) (list "0" "0%") -}}
    {{- fail "podDisruptionBudget.maxUnavailable is 0: no pod could ever be evicted, and no node drained. Calls are kept by the drain, not by this." -}}
  {{- else if eq (toString $budget.maxUnavailable) "" -}}
    {{- fail "podDisruptionBudget has neither maxUnavailable nor minAvailable: write one, or set podDisruptionBudget.enabled to false." -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "switch.refuse.metrics" -}}
{{- $metrics := (index . 0).Values.metrics -}}
{{- $http := (index . 1).http -}}
{{- if and $metrics.enabled $http.loopback -}}
  {{- fail (printf "http.listen is %s and metrics.enabled is true: Prometheus does not reach a loopback address. Set metrics.enabled to false, or listen on 0.0.0.0:9282." $http.listen) -}}
{{- end -}}
{{- if not $metrics.enabled -}}
  {{- if or $metrics.podMonitor.enabled $metrics.prometheusRule.enabled $metrics.dashboards.enabled -}}
    {{- fail "metrics.enabled is false, and a PodMonitor, a PrometheusRule or dashboards are wanted: they would have nothing to show." -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "switch.refuse.test" -}}
{{- $builtin := get .Values.config "builtin" | default dict -}}
{{- if and .Values.test.enabled (hasKey $builtin "numbers") (not $builtin.numbers) (has .Values.test.number (list "9195" "9196")) -}}
  {{- fail (printf "test.number is %s, one of the built-in numbers, and config.builtin.numbers is false: write a number that echoes, or set test.enabled to false." .Values.test.number) -}}
{{- end -}}
{{- end }}

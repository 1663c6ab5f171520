{{/*
What the cluster has already, as far as an upgrade could cut calls with it. Without a cluster (helm template) nothing is
there.
*/}}

{{/*
switch.leaving (list ROOT SETTINGS): the pods beyond replicaCount that are there still, in JSON. Each drains or is about
to, and its calls have no media without its Service.
*/}}
{{- define "switch.leaving" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
{{- $name := include "switch.fullname" $root -}}
{{- $namespace := $root.Release.Namespace -}}
{{- $leaving := list -}}
{{- if ne $settings.reach "host" -}}
  {{- range (lookup "v1" "Pod" $namespace "").items -}}
    {{- $pod := .metadata.name -}}
    {{- $labels := .metadata.labels | default dict -}}
    {{- $ours := and (eq (get $labels "app.kubernetes.io/instance") $root.Release.Name) (eq (get $labels "statefulset.kubernetes.io/pod-name") $pod) -}}
    {{- $index := trimPrefix (printf "%s-" $name) $pod -}}
    {{- if and $ours (regexMatch "^[0-9]+$" $index) (ge (int $index) (len $settings.pods)) -}}
      {{- $its := include "switch.podSettings" (dict "root" $root "index" (int $index) "reach" $settings.reach "listeners" $settings.listeners "range" $settings.range) | fromJson -}}
      {{- if and (eq $settings.reach "LoadBalancer") (not $its.address) -}}
        {{- $service := lookup "v1" "Service" $namespace $pod -}}
        {{- $its = set $its "address" (dig "spec" "loadBalancerIP" "" $service) -}}
      {{- end -}}
      {{- $leaving = append $leaving $its -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toJson $leaving -}}
{{- end }}

{{/*
switch.refuse.standing (list ROOT SETTINGS): the Services of pods that run stay as they are. A pod hears of other ports
when it is started anew, which is when its calls have ended; its Service would hear of them at once.
*/}}
{{- define "switch.refuse.standing" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
{{- $name := include "switch.fullname" $root -}}
{{- $namespace := $root.Release.Namespace -}}
{{- if eq $settings.reach "host" -}}
  {{- $pods := dig "status" "replicas" 0 (lookup "apps/v1" "StatefulSet" $namespace $name) | int -}}
  {{- if gt $pods 0 -}}
    {{- fail (printf "network.type is host, and %d pods of network type service are there: without their Services their calls would have no media. Upgrade to replicaCount 0 first, with the values they have, and wait until they have gone." $pods) -}}
  {{- end -}}
{{- end -}}
{{- range concat $settings.pods (include "switch.leaving" . | fromJsonArray) -}}
  {{- $there := dig "spec" dict (lookup "v1" "Service" $namespace .name) -}}
  {{- if $there -}}
    {{- $wanted := include "switch.shown" (dict "type" $settings.reach "address" .address "ports" (include "switch.servicePorts" . | fromYamlArray)) -}}
    {{- $shown := include "switch.shown" (dict "type" $there.type "address" (get $there "loadBalancerIP") "ports" $there.ports) -}}
    {{- if ne $wanted $shown -}}
      {{- fail (printf "the Service %s has other ports, another type or another address than it would get: its pod's calls would have no media from then on. Upgrade to replicaCount 0 first, with the values it has, wait until the pods have gone, and delete the Services of the pods; or install a second release beside this one." .name) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{/* What callers know of a Service, as one text. */}}
{{- define "switch.shown" -}}
{{- $ports := list -}}
{{- range .ports }}{{ $ports = append $ports (printf "%s %d" .protocol (int .port)) }}{{ end -}}
{{- printf "%s %s %s" .type (.address | default "") (sortAlpha $ports | join ", ") -}}
{{- end }}

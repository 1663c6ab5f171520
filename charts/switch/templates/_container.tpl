{{/* What the container is told, opens, and is asked. */}}

{{/* switch.env (list ROOT SETTINGS) */}}
{{- define "switch.env" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- if eq $settings.reach "host" }}
- name: SWITCH__SIP__LISTEN
  value: {{ include "switch.listen" $settings.listeners | quote }}
- name: SWITCH__RTP__PORTS
  value: {{ $settings.range.text | quote }}
{{- end }}
{{- if $settings.advertise }}
- name: SWITCH__SIP__ADVERTISE
  value: {{ $settings.advertise | quote }}
{{- else if ne $settings.reach "LoadBalancer" }}
- name: SWITCH__SIP__ADVERTISE
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
{{- end }}
- name: SWITCH__HTTP__LISTEN
  value: {{ $settings.http.listen | quote }}
- name: SWITCH__HTTP__TOKEN_FILE
  value: /run/secrets/switch/token
- name: SWITCH__DRAIN__DEADLINE
  value: {{ $settings.deadline | quote }}
{{- include "switch.furtherEnv" $root }}
{{- end }}

{{/*
On the host network all ports that stand here are the node's. In network type service each pod has others, and which
is said by its Service; a name is all that needs one here.
*/}}
{{- define "switch.containerPorts" -}}
- name: http
  containerPort: {{ int .http.port }}
  protocol: TCP
{{- if eq .reach "host" }}
{{- range include "switch.sockets" .listeners | fromJsonArray }}
- name: {{ .name }}
  containerPort: {{ int .port }}
  protocol: {{ upper .transport }}
{{- end }}
{{- end }}
{{- end }}

{{/* switch.probes (list ROOT SETTINGS) */}}
{{- define "switch.probes" -}}
{{- /* A release from before this value, upgraded with --reuse-values, has none. */ -}}
{{- $probes := (index . 0).Values.probes -}}
{{- $http := (index . 1).http -}}
startupProbe:
  {{- include "switch.ask" (list "/livez" $http) | nindent 2 }}
  periodSeconds: {{ int $probes.startup.periodSeconds }}
  failureThreshold: {{ int $probes.startup.failureThreshold }}
  terminationGracePeriodSeconds: {{ int ($probes.terminationGracePeriodSeconds | default 30) }}
livenessProbe:
  {{- include "switch.ask" (list "/livez" $http) | nindent 2 }}
  periodSeconds: {{ int $probes.liveness.periodSeconds }}
  timeoutSeconds: {{ int $probes.liveness.timeoutSeconds }}
  failureThreshold: {{ int $probes.liveness.failureThreshold }}
  terminationGracePeriodSeconds: {{ int ($probes.terminationGracePeriodSeconds | default 30) }}
readinessProbe:
  {{- include "switch.ask" (list "/readyz" $http) | nindent 2 }}
  periodSeconds: {{ int $probes.readiness.periodSeconds }}
  timeoutSeconds: {{ int $probes.readiness.timeoutSeconds }}
  failureThreshold: {{ int $probes.readiness.failureThreshold }}
{{- end }}

{{/* switch.ask (list PATH HTTP): the kubelet asks at the pod's address unless told another. */}}
{{- define "switch.ask" -}}
{{- $http := index . 1 -}}
httpGet:
  path: {{ index . 0 }}
  port: http
  {{- if $http.loopback }}
  host: {{ trimAll "[]" $http.address | quote }}
  {{- else if not (has $http.address (list "0.0.0.0" "[::]")) }}
  host: {{ trimAll "[]" $http.address | quote }}
  {{- end }}
{{- end }}

{{/* The files of the ConfigMap: one for all, or in network type service one a pod, for their ports differ. */}}
{{- define "switch.configuration" -}}
{{- $settings := include "switch.settings" . | fromJson -}}
{{- if eq $settings.reach "host" -}}
switch.toml: |
  {{- include "switch.toml" (dict "config" .Values.config "routes" .Values.routes) | nindent 2 }}
{{- else -}}
{{- range $settings.pods }}
{{ .name }}.toml: |
  {{- $config := deepCopy $.Values.config }}
  {{- $sip := get $config "sip" | default dict }}
  {{- $_ := set $sip "listen" (include "switch.listen" .listeners | splitList ",") }}
  {{- if .address }}{{ $_ := set $sip "advertise" .address }}{{ end }}
  {{- $rtp := get $config "rtp" | default dict }}
  {{- $_ := set $rtp "ports" .range.text }}
  {{- $config = merge (dict "sip" $sip "rtp" $rtp) $config }}
  {{- include "switch.toml" (dict "config" $config "routes" $.Values.routes) | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/*
What rolls the pods when it changes. A pod more has a file more, which is none of the others' affair; addresses are, as
nobody can tell here whether one was changed or put behind the others.
*/}}
{{- define "switch.checksum" -}}
{{- $settings := include "switch.settings" . | fromJson -}}
{{- list .Values.config .Values.routes $settings.listeners $settings.range .Values.network.service.addresses | toJson | sha256sum -}}
{{- end }}

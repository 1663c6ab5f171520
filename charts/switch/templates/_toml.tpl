{{/* A configuration as TOML. Written here, as what Helm has for it writes whole numbers with a point. */}}

{{/* switch.toml (dict "config" TABLES "routes" LIST) */}}
{{- define "switch.toml" -}}
# Made by Helm from the chart's values.
{{- range $name, $table := .config }}
{{- if $table }}

[{{ $name }}]
{{- include "switch.toml.keys" $table }}
{{- end }}
{{- end }}
{{- range .routes }}

[[route]]
{{- include "switch.toml.keys" . }}
{{- end }}
{{ end }}

{{- define "switch.toml.keys" -}}
{{- range $key, $value := . }}
{{- if not (kindIs "invalid" $value) }}
{{ $key }} = {{ include "switch.toml.value" $value }}
{{- end }}
{{- end }}
{{- end }}

{{/* Texts, truth values and whole numbers are the same in JSON, with all its escapes. */}}
{{- define "switch.toml.value" -}}
{{- if kindIs "map" . -}}
  {{- $pairs := list -}}
  {{- range $key, $value := . }}{{ $pairs = append $pairs (printf "%s = %s" $key (include "switch.toml.value" $value)) }}{{ end -}}
  {{- printf "{ %s }" (join ", " $pairs) -}}
{{- else if kindIs "slice" . -}}
  {{- $items := list -}}
  {{- range . }}{{ $items = append $items (include "switch.toml.value" .) }}{{ end -}}
  {{- printf "[%s]" (join ", " $items) -}}
{{- else -}}
  {{- toJson . -}}
{{- end -}}
{{- end }}

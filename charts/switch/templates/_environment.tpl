{{/* The environment file, and the variables that are the chart's own. */}}

{{/* What the chart says to the switch by itself, and the value to write instead. */}}
{{- define "switch.owned" -}}
SWITCH__SIP__LISTEN: sip.listen
SWITCH__SIP__ADVERTISE: sip.advertise
SWITCH__RTP__PORTS: rtp.ports
SWITCH__HTTP__LISTEN: http.listen
SWITCH__HTTP__TOKEN: http.token.existingSecret
SWITCH__HTTP__TOKEN_FILE: http.token.existingSecret
SWITCH__DRAIN__DEADLINE: drain.deadline
{{- end }}

{{/* envFile as a map, in JSON. A line is NAME=VALUE, taken as it stands, as Docker does. */}}
{{- define "switch.envFile" -}}
{{- $variables := dict -}}
{{- range $index, $line := splitList "\n" .Values.envFile -}}
  {{- $line = trimSuffix "\r" $line -}}
  {{- if not (regexMatch "^\\s*(#.*)?$" $line) -}}
    {{- if not (regexMatch "^\\s*[A-Za-z_][A-Za-z0-9_]*=" $line) -}}
      {{- fail (printf "envFile has %q in line %d: write NAME=VALUE, as nothing here has variables to pass on." $line (add $index 1)) -}}
    {{- end -}}
    {{- $pair := regexSplit "=" (trimPrefix " " $line) 2 -}}
    {{- $name := trim (index $pair 0) -}}
    {{- if has $name (list "SWITCH__HTTP__TOKEN" "SWITCH__HTTP__TOKEN_FILE") -}}
      {{- fail (printf "envFile has %s: whoever may see the pod could read the token. Put it into a Secret, and its name into http.token.existingSecret." $name) -}}
    {{- end -}}
    {{- $_ := set $variables $name (index $pair 1) -}}
  {{- end -}}
{{- end -}}
{{- toJson $variables -}}
{{- end }}

{{/* What is left of envFile when the chart has taken its own, and extraEnv, as entries of a container's env. */}}
{{- define "switch.furtherEnv" -}}
{{- $known := include "switch.variables" . | fromYamlArray -}}
{{- $owned := include "switch.owned" . | fromYaml -}}
{{- $file := include "switch.envFile" . | fromJson -}}
{{- range $name, $value := $file -}}
{{- include "switch.refuse.variable" (list "envFile" $name $known) -}}
{{- if not (hasKey $owned $name) }}
- name: {{ $name }}
  {{- /* To Kubernetes, a dollar sign may begin a variable's name. */}}
  value: {{ $value | replace "$" "$$" | quote }}
{{- end -}}
{{- end -}}
{{- $further := dict -}}
{{- range .Values.extraEnv -}}
{{- include "switch.refuse.variable" (list "extraEnv" .name $known) -}}
{{- if hasKey $owned .name -}}
  {{- fail (printf "extraEnv sets %s, which the chart sets itself: write it to %s." .name (get $owned .name)) -}}
{{- end -}}
{{- if hasKey $further .name -}}
  {{- fail (printf "extraEnv sets %s twice: which one is meant?" .name) -}}
{{- end -}}
{{- $_ := set $further .name true -}}
{{- if hasKey $file .name -}}
  {{- fail (printf "%s is both in envFile and in extraEnv: which one is meant?" .name) -}}
{{- end }}
- {{ toYaml . | nindent 2 | trim }}
{{- end -}}
{{- end }}

{{/* switch.refuse.variable (list VALUE NAME KNOWN): the switch would not start with one that belongs to no key. */}}
{{- define "switch.refuse.variable" -}}
{{- $value := index . 0 -}}
{{- $name := index . 1 -}}
{{- if eq $name "POD_NAME" -}}
  {{- fail (printf "%s sets POD_NAME, which the chart sets itself: it would stand there twice." $value) -}}
{{- end -}}
{{- if and (hasPrefix "SWITCH__" $name) (not (has $name (index . 2))) -}}
  {{- fail (printf "%s sets %s, which is no variable of the switch, and it would not start: docs/configuration.md has them all." $value $name) -}}
{{- end -}}
{{- end }}

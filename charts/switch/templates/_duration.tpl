{{/* Lengths of time as the switch writes them: 500ms, 8s, 3h, 1h30m, 2d. */}}

{{/* switch.seconds (list NAME TEXT): whole seconds, rounded up. */}}
{{- define "switch.seconds" -}}
{{- $name := index . 0 -}}
{{- $text := index . 1 | toString -}}
{{- $form := "^\\s*([0-9]+(ms|s|m|h|d)\\s*)+$" -}}
{{- if not (regexMatch $form $text) -}}
  {{- fail (printf "%s is %q, which is no duration: write a number and its unit (ms, s, m, h, d), for instance 3h or 1h30m." $name $text) -}}
{{- end -}}
{{- $millis := 0 -}}
{{- range regexFindAll "[0-9]+[a-z]+" $text -1 -}}
  {{- $number := regexFind "^[0-9]+" . | int64 -}}
  {{- $unit := get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000) (regexFind "[a-z]+$" .) -}}
  {{- $millis = add $millis (mul $number $unit) -}}
{{- end -}}
{{- if gt $millis 31536000000 -}}
  {{- fail (printf "%s is %q, which is longer than a year." $name $text) -}}
{{- end -}}
{{- div (add $millis 999) 1000 -}}
{{- end }}

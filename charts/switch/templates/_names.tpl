{{/* Names, labels and the image. */}}

{{- define "switch.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
  {{- $name = .Release.Name -}}
  {{- if not (contains .Chart.Name .Release.Name) }}{{ $name = printf "%s-%s" .Release.Name .Chart.Name }}{{ end -}}
{{- end -}}
{{- /* Room for what is put behind it, below the 63 characters of a label. */ -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "switch.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The switches themselves: the pod of the Helm test has the labels above, too. */}}
{{- define "switch.pods" -}}
{{ include "switch.selector" . }}
app.kubernetes.io/component: switch
{{- end }}

{{- define "switch.labels" -}}
{{ include "switch.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "switch.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default (printf "v%s" .Chart.AppVersion) }}
{{- end -}}
{{- end }}

{{- define "switch.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "switch.fullname" .) }}
{{- end }}

{{- define "switch.tokenSecret" -}}
{{ .Values.http.token.existingSecret | default (printf "%s-token" (include "switch.fullname" .)) }}
{{- end }}

{{- define "switch.configMap" -}}
{{ .Values.existingConfigMap | default (include "switch.fullname" .) }}
{{- end }}

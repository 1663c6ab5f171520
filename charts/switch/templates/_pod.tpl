{{/* The pod that both kinds of workload make. */}}

{{- define "switch.pod" -}}
{{- $settings := include "switch.settings" . | fromJson -}}
metadata:
  labels:
    {{- include "switch.pods" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- include "switch.annotations" (list . $settings) | nindent 4 }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  # What the drain's deadline leaves, and 30 s for the farewell. There is no preStop hook: SIGTERM drains.
  terminationGracePeriodSeconds: {{ int $settings.grace }}
  enableServiceLinks: false
  {{- if eq $settings.reach "host" }}
  hostNetwork: true
  dnsPolicy: ClusterFirstWithHostNet
  {{- else }}
  dnsPolicy: ClusterFirst
  {{- end }}
  serviceAccountName: {{ include "switch.serviceAccount" . }}
  automountServiceAccountToken: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with include "switch.placement" (list . $settings.reach) | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: switch
      image: {{ include "switch.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - --config
        - {{ ternary "/etc/switch/switch.toml" "/etc/switch/$(POD_NAME).toml" (eq $settings.reach "host") }}
      env:
        {{- include "switch.env" (list . $settings) | nindent 8 }}
      {{- with .Values.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- include "switch.containerPorts" $settings | nindent 8 }}
      {{- include "switch.probes" (list . $settings) | nindent 6 }}
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: config
          mountPath: /etc/switch
          readOnly: true
        - name: token
          mountPath: /run/secrets/switch
          readOnly: true
  volumes:
    - name: config
      configMap:
        name: {{ include "switch.configMap" . }}
    - name: token
      secret:
        secretName: {{ include "switch.tokenSecret" . }}
        # 0440, to be read by the group 10001.
        defaultMode: 288
        items:
          - key: {{ .Values.http.token.key }}
            path: token
{{- end }}

{{/* switch.annotations (list ROOT SETTINGS): the pods' own. */}}
{{- define "switch.annotations" -}}
{{- $root := index . 0 -}}
{{- $settings := index . 1 -}}
kubectl.kubernetes.io/default-container: switch
# Whoever takes nodes away asks these before it takes one with calls on it.
cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
karpenter.sh/do-not-disrupt: "true"
{{- if and $root.Values.rollOnConfigChange (not $root.Values.existingConfigMap) }}
checksum/config: {{ include "switch.checksum" $root }}
{{- end }}
{{- if and $root.Values.metrics.enabled (not $root.Values.metrics.podMonitor.enabled) }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ int $settings.http.port | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}

{{/* switch.placement (list ROOT REACH): on which nodes. */}}
{{- define "switch.placement" -}}
{{- $root := index . 0 -}}
{{- $host := eq (index . 1) "host" -}}
{{- with ternary $root.Values.network.host.nodeSelector $root.Values.network.service.nodeSelector $host }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $host }}
affinity:
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "switch.pods" $root | nindent 12 }}
{{- end }}
{{- if $root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range $root.Values.topologySpread.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "switch.pods" $root | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

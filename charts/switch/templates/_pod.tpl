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
    kubectl.kubernetes.io/default-container: switch
    # Whoever takes nodes away asks these before it takes one with calls on it.
    cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
    karpenter.sh/do-not-disrupt: "true"
    {{- if and .Values.rollOnConfigChange (not .Values.existingConfigMap) }}
    checksum/config: {{ include "switch.checksum" . }}
    {{- end }}
    {{- if and .Values.metrics.enabled (not .Values.metrics.podMonitor.enabled) }}
    prometheus.io/scrape: "true"
    prometheus.io/port: {{ int $settings.http.port | quote }}
    prometheus.io/path: /metrics
    {{- end }}
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
{{- $probes := (index . 0).Values.probes -}}
{{- $http := (index . 1).http -}}
startupProbe:
  {{- include "switch.ask" (list "/livez" $http) | nindent 2 }}
  periodSeconds: {{ int $probes.startup.periodSeconds }}
  failureThreshold: {{ int $probes.startup.failureThreshold }}
livenessProbe:
  {{- include "switch.ask" (list "/livez" $http) | nindent 2 }}
  periodSeconds: {{ int $probes.liveness.periodSeconds }}
  timeoutSeconds: {{ int $probes.liveness.timeoutSeconds }}
  failureThreshold: {{ int $probes.liveness.failureThreshold }}
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

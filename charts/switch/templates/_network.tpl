{{/*
What the switches listen on, tell their peers and use for media: envFile over values over what suits the type of
network. Ports are the same inside and outside, since Contact and SDP name them.
*/}}

{{/* host, NodePort or LoadBalancer. */}}
{{- define "switch.reach" -}}
{{- if eq .Values.network.type "host" }}host{{ else }}{{ .Values.network.service.type }}{{ end -}}
{{- end }}

{{/* The settings, in JSON: listen, advertise, ports, http, deadline, grace, and pods, one for each that differs. */}}
{{- define "switch.settings" -}}
{{- $reach := include "switch.reach" . -}}
{{- $file := include "switch.envFile" . | fromJson -}}
{{- $sip := get (dict "host" 5060 "NodePort" 30060 "LoadBalancer" 5060) $reach -}}
{{- $listen := .Values.sip.listen | default (list (printf "udp:*:%d" $sip) (printf "tcp:*:%d" $sip)) -}}
{{- with get $file "SWITCH__SIP__LISTEN" }}{{ $listen = splitList "," . }}{{ end -}}
{{- $ports := .Values.rtp.ports | default (get (dict "host" "16384-29999" "NodePort" "30100-30199" "LoadBalancer" "16384-16483") $reach) -}}
{{- $ports = get $file "SWITCH__RTP__PORTS" | default $ports -}}
{{- $deadline := get $file "SWITCH__DRAIN__DEADLINE" | default .Values.drain.deadline -}}
{{- $seconds := include "switch.seconds" (list "drain.deadline" $deadline) | int -}}
{{- $range := include "switch.range" $ports | fromJson -}}
{{- $listeners := include "switch.listeners" $listen | fromJsonArray -}}
{{- $pods := list -}}
{{- if ne $reach "host" -}}
  {{- $count := int .Values.replicaCount -}}
  {{- range $index := until $count -}}
    {{- $pods = append $pods (include "switch.podSettings" (dict "root" $ "index" $index "reach" $reach "listeners" $listeners "range" $range) | fromJson) -}}
  {{- end -}}
{{- end -}}
{{- dict
    "reach" $reach
    "listeners" $listeners
    "range" $range
    "advertise" (get $file "SWITCH__SIP__ADVERTISE" | default .Values.sip.advertise)
    "http" (include "switch.http" (get $file "SWITCH__HTTP__LISTEN" | default .Values.http.listen) | fromJson)
    "deadline" $deadline
    "grace" (add $seconds 30)
    "pods" $pods | toJson -}}
{{- end }}

{{/* switch.range "FIRST-LAST" */}}
{{- define "switch.range" -}}
{{- $text := trim . -}}
{{- if not (regexMatch "^[0-9]{1,5}-[0-9]{1,5}$" $text) -}}
  {{- fail (printf "rtp.ports is %q: write FIRST-LAST, for instance 16384-29999." $text) -}}
{{- end -}}
{{- $first := splitList "-" $text | first | int -}}
{{- $last := splitList "-" $text | last | int -}}
{{- if or (gt $first $last) (lt $first 1) (gt $last 65535) -}}
  {{- fail (printf "rtp.ports is %q: ports are from 1 to 65535, and the first one comes first." $text) -}}
{{- end -}}
{{- dict "first" $first "last" $last "text" (printf "%d-%d" $first $last) | toJson -}}
{{- end }}

{{/* switch.listeners LIST: transport, address and port of each. */}}
{{- define "switch.listeners" -}}
{{- $form := "^(udp|tcp):(\\*|[0-9.]+|\\[[0-9A-Fa-f:.]+\\]):([0-9]{1,5})$" -}}
{{- $listeners := list -}}
{{- range . -}}
  {{- $text := trim . -}}
  {{- if not (regexMatch $form $text) -}}
    {{- fail (printf "sip.listen has %q: write udp:ADDRESS:PORT or tcp:ADDRESS:PORT, [..] around IPv6, * for every address." $text) -}}
  {{- end -}}
  {{- $port := regexReplaceAll $form $text "${3}" | int -}}
  {{- if or (lt $port 1024) (gt $port 65535) -}}
    {{- fail (printf "sip.listen has port %d: the switch runs without root and without capabilities, so choose one from 1024 to 65535." $port) -}}
  {{- end -}}
  {{- $listeners = append $listeners (dict "transport" (regexReplaceAll $form $text "${1}") "address" (regexReplaceAll $form $text "${2}") "port" $port) -}}
{{- end -}}
{{- toJson $listeners -}}
{{- end }}

{{/* switch.http "ADDRESS:PORT": what is listened on, the port, and whether only the node itself reaches it. */}}
{{- define "switch.http" -}}
{{- $form := "^([0-9.]+|\\[[0-9A-Fa-f:.]+\\]):([0-9]{1,5})$" -}}
{{- if not (regexMatch $form .) -}}
  {{- fail (printf "http.listen is %q: write ADDRESS:PORT, for instance 0.0.0.0:9282, or [::]:9282 where there is IPv6." .) -}}
{{- end -}}
{{- $address := regexReplaceAll $form . "${1}" -}}
{{- $port := regexReplaceAll $form . "${2}" | int -}}
{{- if or (lt $port 1024) (gt $port 65535) -}}
  {{- fail (printf "http.listen has port %d: the switch runs without root and without capabilities, so choose one from 1024 to 65535." $port) -}}
{{- end -}}
{{- dict "listen" . "address" $address "port" $port "loopback" (regexMatch "^(127\\.|\\[::1\\])" $address) | toJson -}}
{{- end }}

{{/*
One pod's own: with NodePort the ports of the first pod moved on by as many as each pod has, for a node port is one
Service's in the whole cluster; with LoadBalancer its address.
*/}}
{{- define "switch.podSettings" -}}
{{- $step := 0 -}}
{{- $width := 0 -}}
{{- if eq .reach "NodePort" -}}
  {{- $least := 65536 -}}
  {{- $most := 0 -}}
  {{- range .listeners -}}
    {{- $least = min $least .port -}}
    {{- $most = max $most .port -}}
  {{- end -}}
  {{- $step = mul .index (add 1 (sub $most $least)) -}}
  {{- $width = mul .index (add 1 (sub (int .range.last) (int .range.first))) -}}
{{- end -}}
{{- $listeners := list -}}
{{- range .listeners -}}
  {{- $listeners = append $listeners (dict "transport" .transport "address" .address "port" (add (int .port) $step)) -}}
{{- end -}}
{{- $first := add (int .range.first) $width -}}
{{- $last := add (int .range.last) $width -}}
{{- $addresses := .root.Values.network.service.addresses -}}
{{- $address := "" -}}
{{- if gt (len $addresses) .index }}{{ $address = index $addresses .index }}{{ end -}}
{{- dict
    "name" (printf "%s-%d" (include "switch.fullname" .root) .index)
    "listeners" $listeners
    "range" (dict "first" $first "last" $last "text" (printf "%d-%d" $first $last))
    "address" $address | toJson -}}
{{- end }}

{{/* switch.listen LISTENERS: as the switch reads them from its environment. */}}
{{- define "switch.listen" -}}
{{- $texts := list -}}
{{- range . }}{{ $texts = append $texts (printf "%s:%s:%d" .transport .address (int .port)) }}{{ end -}}
{{- join "," $texts -}}
{{- end }}

{{/* switch.sockets LISTENERS: each transport and port once, for two addresses may have the same, and a name. */}}
{{- define "switch.sockets" -}}
{{- $sockets := list -}}
{{- range . -}}
  {{- $sockets = append $sockets (dict "transport" .transport "port" .port "name" (printf "sip-%s-%d" .transport (int .port))) -}}
{{- end -}}
{{- uniq $sockets | toJson -}}
{{- end }}

{{/*
The daemon's configuration, as YAML. Ports are fixed, so that services, probes and policies can name them: 8080 webhooks,
8090 bridge, 9090 status. A bridge behind a proxy in the same pod listens on loopback only.
*/}}
{{- define "reconciler.configuration" -}}
{{- if .Values.configFile -}}
{{- .Values.configFile -}}
{{- else -}}
{{- range $project, $of := .Values.config.projects -}}
{{- range $stage, $connections := $of.stages -}}
{{- $evidence := default dict (get (default dict $connections) "evidence") -}}
{{- if gt (len (without (keys $evidence) "deadline")) 1 -}}
{{- fail (printf "config.projects.%s.stages.%s.evidence has several providers, and Helm does not keep their order, in which they are asked: give the whole reconciler.yaml as text with --set-file configFile=reconciler.yaml" $project $stage) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "stateDir" "/var/lib/reconciler" -}}
{{- $server := default dict $config.server -}}
{{- $_ := set $server "status" "0.0.0.0:9090" -}}
{{- if $config.webhooks -}}
{{- $_ := set $server "listen" "0.0.0.0:8080" -}}
{{- end -}}
{{- $_ := set $config "server" $server -}}
{{- if $config.bridge -}}
{{- $proxied := eq (dig "auth" "kind" "" $config.bridge) "proxy" -}}
{{- $_ := set $config.bridge "listen" (ternary "127.0.0.1:8090" "0.0.0.0:8090" $proxied) -}}
{{- end -}}
{{- if .Values.leases.enabled -}}
{{- $leases := default dict $config.leases -}}
{{- $_ := set $leases "namespace" .Release.Namespace -}}
{{- $_ := set $leases "kubernetes" (dict "inCluster" true) -}}
{{- $_ := set $config "leases" $leases -}}
{{- else -}}
{{- $_ := unset $config "leases" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
{{- end -}}

{{/* What of it is served, as JSON: {webhooks, bridge, bridgePort, webhooksTls, bridgeTls}. Text that listens elsewhere is refused. */}}
{{- define "reconciler.served" -}}
{{- $config := include "reconciler.configuration" . | fromYaml -}}
{{- if hasKey $config "Error" -}}
{{- fail (printf "configFile cannot be read: %s" $config.Error) -}}
{{- end -}}
{{- $server := default dict $config.server -}}
{{- $bridge := default dict $config.bridge -}}
{{- $wanted := dict "server.status" (list ":9090" $server.status) -}}
{{- if $config.webhooks -}}{{- $_ := set $wanted "server.listen" (list ":8080" $server.listen) -}}{{- end -}}
{{- if $config.bridge -}}{{- $_ := set $wanted "bridge.listen" (list ":8090" $bridge.listen) -}}{{- end -}}
{{- range $key, $pair := $wanted -}}
{{- if not (hasSuffix (index $pair 0) (default "" (index $pair 1))) -}}
{{- fail (printf "configFile: %s must listen on port %s, which the chart's services, probes and policies name" $key (trimPrefix ":" (index $pair 0))) -}}
{{- end -}}
{{- end -}}
{{- if or (hasPrefix "127." (default "" $server.status)) (hasPrefix "localhost:" (default "" $server.status)) (hasPrefix "[::1]:" (default "" $server.status)) -}}
{{- fail "configFile: server.status must not listen on loopback, where no probe reaches it: write 0.0.0.0:9090" -}}
{{- end -}}
{{- if not $config.projects -}}
{{- fail "configFile: no projects: it is the whole of reconciler.yaml" -}}
{{- end -}}
{{- if ne (default "" $config.stateDir) "/var/lib/reconciler" -}}
{{- fail "configFile: stateDir must be /var/lib/reconciler, where the chart mounts a volume" -}}
{{- end -}}
{{- $proxied := eq (dig "auth" "kind" "" $bridge) "proxy" -}}
{{- if and $proxied (not .Values.bridgeProxyPort) -}}
{{- fail "bridge.auth.kind is proxy: name the port that the proxy in this pod (extraContainers) listens on as bridgeProxyPort" -}}
{{- end -}}
{{- dict "webhooks" (not (empty $config.webhooks)) "bridge" (not (empty $config.bridge)) "bridgePort" (ternary .Values.bridgeProxyPort 8090 $proxied) "proxied" $proxied | toJson -}}
{{- end -}}

{{/*
Exactly the calls that are made, by kind as service.yaml and allow.kinds write it. `list` on a workload names what is alike
where one is missing; pods tell why a rollout fails; replica sets and revisions are what a rollback goes back to.
*/}}
{{- define "reconciler.targetRules" -}}
{{- $kinds := .kinds -}}
{{- $revisions := or (has "StatefulSet" $kinds) (has "DaemonSet" $kinds) -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- $workloads := list -}}
{{- range $kind, $plural := dict "Deployment" "deployments" "StatefulSet" "statefulsets" "DaemonSet" "daemonsets" "ReplicaSet" "replicasets" -}}
{{- if has $kind $kinds -}}
{{- $workloads = append $workloads $plural -}}
{{- end -}}
{{- end -}}
{{- if $workloads }}
- apiGroups: [apps]
  resources: {{ $workloads | sortAlpha | toJson }}
  verbs: [get, list, patch]
{{- end -}}
{{- if and (has "Deployment" $kinds) (not (has "ReplicaSet" $kinds)) }}
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
{{- end -}}
{{- if $revisions }}
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [list]
{{- end -}}
{{- if has "VirtualService.networking.istio.io" $kinds }}
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [get, list, patch]
{{- end -}}
{{- range .scalable }}
- apiGroups: [{{ .group | quote }}]
  resources: [{{ .resource | quote }}]
  verbs: [get, list, patch]
- apiGroups: [{{ .group | quote }}]
  resources: [{{ printf "%s/scale" .resource | quote }}]
  verbs: [get, patch]
{{- end }}
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, patch]
{{- if .keda }}
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, patch]
{{- end -}}
{{- end -}}

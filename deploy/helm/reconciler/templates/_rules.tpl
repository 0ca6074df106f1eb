{{/*
Exactly the calls that are made, by kind as service.yaml and allow.kinds write it. Written by deploy/generate.py from
reconciler/targets/kubernetes/rights.py, which says what each is for.
*/}}
{{- define "reconciler.targetRules" -}}
{{- $kinds := .kinds -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- if or (has "DaemonSet" $kinds) }}
- apiGroups: [apps]
  resources: [daemonsets]
  verbs: [get, list, patch]
{{- end }}
{{- if or (has "Deployment" $kinds) }}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, patch]
{{- end }}
{{- if or (has "ReplicaSet" $kinds) }}
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get, list, patch]
{{- end }}
{{- if or (has "StatefulSet" $kinds) }}
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, patch]
{{- end }}
{{- if or (has "Deployment" $kinds) }}
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
{{- end }}
{{- if or (has "DaemonSet" $kinds) (has "StatefulSet" $kinds) }}
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [list]
{{- end }}
{{- if or (has "VirtualService.networking.istio.io" $kinds) }}
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [get, list, patch]
{{- end }}
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, patch]
{{- range .scalable }}
- apiGroups: [{{ .group | quote }}]
  resources: [{{ .resource | quote }}]
  verbs: [get, list, patch]
- apiGroups: [{{ .group | quote }}]
  resources: [{{ printf "%s/scale" .resource | quote }}]
  verbs: [get, patch]
{{- end }}
{{- if .keda }}
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, patch]
{{- end }}
{{- end -}}
{{- define "reconciler.leasesRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [list, create, update]
{{- end -}}

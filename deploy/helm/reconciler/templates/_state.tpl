{{/* What the daemon is run by: a StatefulSet gives each pod a disk of its own; see docs/adr/0260. */}}
{{- define "reconciler.workload" -}}
{{- $state := .Values.state -}}
{{- if and $state.existingClaim (ne $state.kind "persistentVolumeClaim") -}}
{{- fail (printf "state.existingClaim names a disk and state.kind is %s: set state.kind to persistentVolumeClaim" $state.kind) -}}
{{- end -}}
{{- if and $state.existingClaim (gt (int .Values.replicas) 1) -}}
{{- fail (printf "state.existingClaim is one disk, and %d daemons (replicas) cannot share it, whatever its access modes: leave it out, so that each gets a claim of its own, or set replicas to 1" (int .Values.replicas)) -}}
{{- end -}}
{{- if and (eq $state.kind "persistentVolumeClaim") (not $state.existingClaim) -}}
StatefulSet
{{- else -}}
Deployment
{{- end -}}
{{- end -}}

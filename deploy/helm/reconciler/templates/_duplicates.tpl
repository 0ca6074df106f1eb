{{/*
What is named twice is refused: a list of (values, key, where, what would be made twice). The schema sees only entries
that are the same in all they say.
*/}}
{{- define "reconciler.unique" -}}
{{- $seen := dict -}}
{{- range index . 0 -}}
{{- $name := get . (index $ 1) -}}
{{- if hasKey $seen $name -}}
{{- fail (printf "%s names %s twice, which would make two %s of one name: put it into one entry" (index $ 2) $name (index $ 3)) -}}
{{- end -}}
{{- $_ := set $seen $name true -}}
{{- end -}}
{{- end -}}

{{- define "reconciler.noDuplicates" -}}
{{- include "reconciler.unique" (list .Values.targets "namespace" "targets" "Roles") -}}
{{- include "reconciler.unique" (list .Values.secrets "name" "secrets" "volumes") -}}
{{- range .Values.secrets -}}
{{- include "reconciler.unique" (list .items "path" (printf "secrets: items of %s" .name) "files") -}}
{{- end -}}
{{- include "reconciler.unique" (list .Values.environment "name" "environment" "variables") -}}
{{- include "reconciler.unique" (list .Values.extraContainers "name" "extraContainers" "containers") -}}
{{- range .Values.extraContainers -}}
{{- if eq (default "" .name) "reconciler" -}}
{{- fail "extraContainers: the container `reconciler` is the daemon: give yours another name" -}}
{{- end -}}
{{- end -}}
{{- end -}}

"""Values from Dynatrace, asked as Keptn's dynatrace-service did, by the same forms of queries."""

from reconciler.evidence.dynatrace.provider import DynatraceProvider

__all__ = ["DynatraceProvider"]

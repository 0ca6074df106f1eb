"""Values from Prometheus, or from what speaks its query API, asked as Keptn's prometheus-service did."""

from reconciler.evidence.prometheus.provider import PrometheusProvider

__all__ = ["PrometheusProvider"]

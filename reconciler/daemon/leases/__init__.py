"""Several daemons share the stages: a Kubernetes Lease for each, which one daemon at a time holds (ADR 0210).

Nothing depends on it for being right (docs/laws.md, law 5): leases save work.
"""

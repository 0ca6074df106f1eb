"""The daemon's HTTP: webhooks that problems come in by, and the status port with health, readiness and metrics.

What is needed to listen is imported when a configuration has something to listen for.
"""

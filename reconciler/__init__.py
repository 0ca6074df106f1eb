"""Self-healing for services on Kubernetes, with Git as the only database."""

__version__ = "0.1.0"

"""What is changed: Kubernetes, Unleash, flagd. One small protocol: observe, apply."""

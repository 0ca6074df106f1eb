"""Wires repo, targets and decide: wake-ups, loop, configuration."""

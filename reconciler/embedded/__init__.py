"""Loopback servers that speak enough of a real API to run the product against: demo and tests."""

"""Where the values of service level indicators come from. One small protocol: measure."""

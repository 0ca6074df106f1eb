"""One file an action: its value parsed, its effect on desired state planned."""

"""One file a verb. Each module has `command`; what is heavy it imports when it runs, never before."""

"""Both scenarios on real input, for a newcomer to watch."""

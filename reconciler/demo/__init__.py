"""Three problems on real input, from their cause to their end, for somebody new to watch."""

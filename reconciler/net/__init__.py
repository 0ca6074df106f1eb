"""How long the network may keep whoever asks: deadlines for whole requests, below everything that speaks to servers."""

"""`reconciler doctor`: what the daemon needs, tried one by one before it is needed at three in the morning."""

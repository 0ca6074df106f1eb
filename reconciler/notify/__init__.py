"""Who is told of steps: each receiver at its own pace, at least once, and never in the loop's way."""

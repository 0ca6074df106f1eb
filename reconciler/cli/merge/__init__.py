"""`plan --ref`: what a merge would change in desired state, found by deciding with it and without it."""

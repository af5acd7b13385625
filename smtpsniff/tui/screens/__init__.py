"""One room for each screen; `base` has what they have in common."""

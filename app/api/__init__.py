"""Floor 6: the HTTP door."""

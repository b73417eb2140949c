"""Floor 1: logging and metrics. Nothing else ever lives here."""

"""Prepared: an upload whose receipt came to raw/."""

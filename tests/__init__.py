"""Sentences about the house, checked."""

"""Rows accepted, and findings for the others."""

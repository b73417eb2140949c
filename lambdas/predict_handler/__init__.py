"""Forecast: a company whose receipt came to processed/."""

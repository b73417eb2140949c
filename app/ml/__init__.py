"""Floor 2: frames become forecasts. NumPy and Polars; no I/O, no logging."""

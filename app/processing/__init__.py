"""Floor 2: bytes become trusted frames. Polars; no I/O beyond the file handed in, no logging."""

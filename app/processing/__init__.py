"""Floor 2: bytes become trusted frames. Polars; no I/O beyond the files handed in and the folder given, no logging."""

"""From text to numbers, dates, codes, statuses and units, decided by column."""

"""One clean table of sales, month by month."""

"""Quantyfy: demand forecasts for Brazilian shops, from the spreadsheets their systems already export."""

"""What is published, sliced for a reader: the API, the command line, the page. One file a kind of answer."""

from app.pipeline.reading.current import Published, published
from app.pipeline.reading.forecasts import accuracy, daily, totals
from app.pipeline.reading.products import products
from app.pipeline.reading.runs import Run, runs
from app.pipeline.reading.sales import sales
from app.pipeline.reading.slices import Page, Slice

__all__ = [
    "Page",
    "Published",
    "Run",
    "Slice",
    "accuracy",
    "daily",
    "products",
    "published",
    "runs",
    "sales",
    "totals",
]

"""`processed/` Object Created (a preparation's receipt) -> forecasting -> `predictions/`."""

from functools import partial

from app.pipeline.forecasting import forecast_company
from app.pipeline.handing import follow
from lambdas.door import Answer, Context, is_nightly, tell, tell_missed


def handle(event: object, context: Context) -> Answer:
    """Forecast the company; a run that is published already is left as it is."""
    if is_nightly(event):
        return tell_missed("processed", context, forecast_company)
    return tell(event, context, partial(follow, story=forecast_company))

"""`processed/` Object Created (a preparation's receipt) -> forecasting -> `predictions/`."""

from functools import partial

from app.pipeline.forecasting import forecast_company
from app.pipeline.handing import follow
from lambdas.door import Context, tell


def handle(event: object, context: Context) -> dict[str, str | None]:
    """Forecast the company; a run that is published already is left as it is."""
    return tell(event, context, partial(follow, story=forecast_company))

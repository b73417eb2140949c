"""Prophet's model, fitted exactly and for all series of a company together."""

from app.ml.prophet_model.fitted import FittedProphets
from app.ml.prophet_model.model import fit
from app.ml.prophet_model.spec import HolidayDate, Outcome, ProphetSpec, holiday_dates

__all__ = ["FittedProphets", "HolidayDate", "Outcome", "ProphetSpec", "fit", "holiday_dates"]

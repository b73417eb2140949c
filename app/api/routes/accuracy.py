"""How wrong the forecasts were before."""

from fastapi import APIRouter

from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import problem_responses
from app.api.schemas.readings import Accuracy
from app.pipeline import reading

router = APIRouter(tags=["readings"])


@router.get("/accuracy/{cnpj}", responses=problem_responses(401, 404, 422, 503))
def accuracy(published: Published, clients: ClientsOf) -> Accuracy:
    """The backtest of the run that is served: ours beside seasonal naive, per level and horizon."""
    rows = reading.accuracy(clients, published).to_dicts()
    return Accuracy.model_validate(published.facts() | {"rows": rows})

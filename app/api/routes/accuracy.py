"""How wrong the forecasts were before."""

from fastapi import APIRouter, Request, Response

from app.api.answers import Wanted, answer, reading_responses
from app.api.dependencies import ClientsOf, Published
from app.api.schemas.problems import READING, problem_responses
from app.api.schemas.readings import Accuracy
from app.pipeline import reading

router = APIRouter(tags=["readings"])


@router.get(
    "/accuracy/{cnpj}",
    response_model=Accuracy,
    responses=reading_responses() | problem_responses(*READING),
)
def accuracy(request: Request, published: Published, clients: ClientsOf, wanted: Wanted) -> Response:
    """The backtest of the run that is served: ours beside seasonal naive, per level and horizon."""

    def rows() -> reading.Page:
        return reading.Page(reading.accuracy(clients, published), None)

    return answer(request, clients, published, wanted, rows)

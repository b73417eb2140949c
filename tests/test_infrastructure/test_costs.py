"""The runbook's money is worked out, not remembered; and it adds up."""

from pathlib import Path

import pytest

from infrastructure.costs import BEGIN, END, LOADS, SAO_PAULO, costs, tables, task_month, upload_by_functions
from infrastructure.environments import DEV, PROD

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


def test_the_runbook_says_what_the_assumptions_come_to() -> None:
    written = RUNBOOK.read_text().split(BEGIN)[1].split(END)[0].strip()
    assert written == tables().strip(), "python -m infrastructure.costs"


def test_dev_stays_under_sixty_dollars_and_both_under_their_budgets() -> None:
    dev, ten, thousand, _ = (sum(costs(load).values()) for load in LOADS)
    assert dev < 60
    assert dev <= DEV.budget_usd
    assert ten < thousand < PROD.budget_usd


def test_a_task_and_an_upload_cost_what_pencil_and_paper_say() -> None:
    assert task_month(PROD.worker, SAO_PAULO) == pytest.approx(730 * (2 * 0.05568 + 8 * 0.00608))
    gb_seconds = 1769 / 1024 * 3 + 3538 / 1024 * 5 + 5307 / 1024 * 15
    assert upload_by_functions(PROD, SAO_PAULO) == pytest.approx(gb_seconds * 0.0000133334 + 3 * 0.0000002)

"""Empty runs of fast movers."""

import numpy as np

from app.ml.stockouts import LONGEST, suspected_stockouts


def suspected(text: str) -> tuple[str, int]:
    """x: a sale, .: none; answers o: suspected day that resumed, and the days of a run still going on."""
    units = np.array([[1.0 if mark == "x" else 0.0] for mark in text])
    found = suspected_stockouts(units, open_days=np.ones(len(units), dtype=bool))
    marks = "".join("o" if flag else mark for flag, mark in zip(found.resumed[:, 0], text, strict=True))
    return marks, int(found.pending[0])


def test_a_fast_mover_that_comes_back_was_out_of_stock() -> None:
    assert suspected("x" * 60 + "." * 12 + "x" * 10) == ("x" * 60 + "o" * 12 + "x" * 10, 0)


def test_a_run_that_still_lasts_is_pending_and_nothing_is_left_out() -> None:
    text = "x" * 60 + "." * 12
    assert suspected(text) == (text, 12)


def test_a_slow_mover_may_pause_as_it_likes() -> None:
    text = "x...." * 20 + "." * 20 + "x...." * 5
    assert suspected(text) == (text, 0)


def test_after_weeks_a_product_has_stopped_rather_than_run_out() -> None:
    text = "x" * 60 + "." * (LONGEST + 10) + "x"
    assert suspected(text) == (text, 0)


def test_days_on_which_the_shop_is_closed_do_not_count() -> None:
    units = np.ones((80, 1))
    units[60:72] = 0
    opened = np.ones(80, dtype=bool)
    opened[60:72] = False
    found = suspected_stockouts(units, open_days=opened)
    assert not found.resumed.any()

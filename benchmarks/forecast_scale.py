"""Fit and predict many series in a process of its own and tell its time and memory: called by forecast_speed.py."""

import json
import sys
import time
from datetime import date

import numpy as np
from numpy.typing import NDArray
from resident import resident_kb

from app.ml.prophet_model import fit


def main(table: str, start: str, count: int, rounds: int) -> None:
    """Print one JSON object: seconds (fastest of the rounds), peak memory in MB before and after."""
    real = np.load(table)
    history = np.empty((count, real.shape[1]))
    for begin in range(0, count, len(real)):
        history[begin : begin + len(real)] = real[: count - begin]
    day = date.fromisoformat(start)
    fit(history[:64], start=day).predict(90)  # compiled code is loaded, prophet imported
    before = resident_kb("VmHWM") / 1e3
    fit_seconds, seconds = min((_timed(history, day) for _ in range(rounds)), key=lambda both: both[1])
    print(
        json.dumps(
            {
                "series": count,
                "fit": fit_seconds,
                "seconds": seconds,
                "table_mb": history.nbytes / 1e6,
                "before_mb": before,
                "peak_mb": resident_kb("VmHWM") / 1e3,
            }
        )
    )


def _timed(history: NDArray[np.float64], start: date) -> tuple[float, float]:
    """Seconds of the fit, and of fit and predict."""
    begun = time.perf_counter()
    fitted = fit(history, start=start)
    fit_seconds = time.perf_counter() - begun
    fitted.predict(90)
    return fit_seconds, time.perf_counter() - begun


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

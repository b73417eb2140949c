"""Fit Prophet's model to every series of a table at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from app.ml.cores import cores
from app.ml.prophet_model.features import AHEAD, prophet_features
from app.ml.prophet_model.filling import blank
from app.ml.prophet_model.fitted import FittedProphets
from app.ml.prophet_model.spec import ProphetSpec
from app.ml.prophet_model.tasks import tasks

Floats = NDArray[np.float64]

FITTING = Lock()


def fit(history: Floats, *, start: date, spec: ProphetSpec | None = None, threads: int | None = None) -> FittedProphets:
    """Fit one Prophet per row: the exact maximum of the posterior that the stock library seeks.

    Args:
        history: shape (n_series, n_days), consecutive days; NaN is a missing day, not a zero. As in Prophet a series
            begins at its first observed day, which sets its scales and changepoints.
        start: the first column's day.
        spec: the settings, by default those of `prophet.Prophet()`.
        threads: by default one per core that this process may use. The result does not depend on it.

    Raises:
        ValueError: a value is infinite, or `history` is not a table.
    """
    spec = spec or ProphetSpec()
    history = np.ascontiguousarray(history, dtype=np.float64)
    if history.ndim != 2:  # noqa: PLR2004 - a table has two dimensions
        raise ValueError(f"history must be (n_series, n_days), not {history.shape}")
    features = prophet_features(spec, start, history.shape[1] + AHEAD)
    fitted = blank(history, start=start, spec=spec, n_features=len(features.components))
    with _one_blas_thread():
        _share_out(tasks(fitted, features), threads=threads or cores())
    return fitted


def _share_out(waiting: Iterator[Callable[[], None]], *, threads: int) -> None:
    """Let each thread draw the next task until none is left; what is waiting takes no memory."""
    drawing = Lock()

    def work(_: int) -> None:
        while True:
            with drawing:
                task = next(waiting, None)
            if task is None:
                return
            task()

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, range(threads)):
            pass


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Our threads share the cores; BLAS threads beneath them would wait for one another, ten times slower.

    The limit is the process's, so one fit holds it at a time; each uses every core anyway.
    """
    with FITTING, threadpool_limits(1, user_api="blas"):
        yield

"""Raw CSV to processed Parquet on The Complete Journey in Brazilian dress, beside bare Polars, pandas and Frictionless.

Every side runs in a process of its own, in turns; of several runs the fastest counts, for all sides alike.

    python benchmarks/ingest.py [--copies 10] [--runs 3] [--without pandas frictionless]
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from app.demo.journey import write_journey

SIDES = Path(__file__).with_name("ingest_sides.py")
MOST_TIMES_BARE = 3.0
MOST_GROWTH = 1.1  # of the time, per copy
MOST_MEMORY_MB = 3_000
MOST_INCREMENT = 0.25


class Run(NamedTuple):
    """What one side took."""

    seconds: float
    peak_mb: float
    rows: dict[str, int]


def run(side: str, folder: Path, out: Path) -> Run:
    """One side in a process of its own."""
    out.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([sys.executable, SIDES, side, folder, out], check=True, capture_output=True, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def in_turns(sides: list[str], folder: Path, work: Path, *, runs: int) -> dict[str, Run]:
    """The fastest run of each side; peers that take minutes run once."""
    best: dict[str, Run] = {}
    for number in range(runs):
        for side in sides:
            if number and side == "frictionless":
                continue
            again = run(side, folder, work / f"{side}-{number}")
            best[side] = min(again, best.get(side, again))
            shutil.rmtree(work / f"{side}-{number}")
    return best


def line(figure: str, ours: float, against: float, goal: str, *, holds: bool) -> dict[str, Any]:
    """One figure for machines."""
    return {
        "bench": "ingest",
        "figure": figure,
        "ours": round(ours, 3),
        "against": round(against, 3),
        "ratio": round(ours / against, 3) if against else None,
        "goal": goal,
        "holds": holds,
    }


def one_year(work: Path, sides: list[str], *, runs: int) -> tuple[Run, list[dict[str, Any]]]:
    """All sides on one year of the grocery."""
    folder = work / "year"
    write_journey(folder)
    best = in_turns(sides, folder, work / "out", runs=runs)
    show("A year (1.45 million item lines)", best)
    ours = best["ours"]
    figures = [
        line(
            f"seconds against {side}",
            ours.seconds,
            peer.seconds,
            f"<= {MOST_TIMES_BARE}x" if side == "bare_polars" else "faster",
            holds=ours.seconds <= peer.seconds * (MOST_TIMES_BARE if side == "bare_polars" else 1),
        )
        for side, peer in best.items()
        if side != "ours"
    ]
    return ours, figures


def many_years(work: Path, year: Run, *, copies: int, runs: int) -> list[dict[str, Any]]:
    """Time and memory as the data grows."""
    folder = work / "years"
    write_journey(folder, copies=copies)
    many = in_turns(["ours", "bare_polars"], folder, work / "out", runs=runs)
    show(f"{copies} copies of it", many)
    ours = many["ours"]
    most = MOST_GROWTH * copies
    return [
        line(
            f"seconds of {copies} copies against one",
            ours.seconds,
            year.seconds,
            f"<= {most:.0f}x",
            holds=ours.seconds <= most * year.seconds,
        ),
        line(
            f"peak MB of {copies} copies",
            ours.peak_mb,
            MOST_MEMORY_MB,
            f"< {MOST_MEMORY_MB} MB",
            holds=ours.peak_mb < MOST_MEMORY_MB,
        ),
    ]


def one_more_month(work: Path, year: Run, *, runs: int) -> list[dict[str, Any]]:
    """December on a published year that lacks it, and December sent again on one that has it, beside twelve at once."""
    december, eleven = work / "december", work / "eleven"
    write_journey(december, months=[12])
    write_journey(eleven, months=range(1, 12))
    new = _on_what_is_published(work, eleven, december, runs=runs)
    again = _on_what_is_published(work, work / "year", december, runs=runs)
    print(f"\nDecember on the eleven months before it: {new.seconds:.2f} s, {new.rows}")
    print(f"December sent again: {again.seconds:.2f} s, {again.rows}\nThe year at once: {year.seconds:.2f} s")
    goal = f"< {MOST_INCREMENT}x"
    return [
        line(f"seconds of {what} against twelve", took.seconds, year.seconds, goal, holds=_is_cheap(took, year))
        for what, took in (("one more month", new), ("a month sent again", again))
    ]


def _on_what_is_published(work: Path, before: Path, upload: Path, *, runs: int) -> Run:
    """The fastest of several times that an upload came on what an earlier one had published."""
    published, copy = work / f"published-{before.name}", work / "published"
    run("ours", before, published)
    took = []
    for _ in range(runs):
        shutil.copytree(published, copy)
        took.append(run("ours", upload, copy))
        shutil.rmtree(copy)
    return min(took)


def _is_cheap(took: Run, year: Run) -> bool:
    return took.seconds < MOST_INCREMENT * year.seconds


def show(title: str, runs: dict[str, Run]) -> None:
    """The table for people."""
    print(f"\n{title}\n{'side':<14}{'seconds':>9}{'peak MB':>9}  rows")
    for side, took in runs.items():
        print(f"{side:<14}{took.seconds:>9.2f}{took.peak_mb:>9.0f}  {took.rows}")


def main() -> None:
    """The whole bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without", nargs="*", default=[])
    options = parser.parse_args()
    sides = [side for side in ("ours", "bare_polars", "pandas", "frictionless") if side not in options.without]
    with tempfile.TemporaryDirectory(prefix="quantyfy-bench-") as folder:
        work = Path(folder)
        year, figures = one_year(work, sides, runs=options.runs)
        figures += one_more_month(work, year, runs=options.runs)
        figures += many_years(work, year, copies=options.copies, runs=options.runs)
    print()
    for figure in figures:
        print(json.dumps(figure))


if __name__ == "__main__":
    main()

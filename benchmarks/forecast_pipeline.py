"""The whole pipeline on The Complete Journey: `quantyfy demo` in a process of its own, called by forecast_speed.py."""

import os
import re
import subprocess
import sys
from pathlib import Path

SERVED = re.compile(r"do envio à previsão publicada: ([\d.]+,\d) s")
PARTS = re.compile(r"dentro do trabalho: (.+)")


def pipeline_seconds() -> float:
    """Seconds from the upload being sent to its forecast being served, backtest included; the parts are printed.

    Raises:
        ValueError: the demo told no time.
        CalledProcessError: it failed.
    """
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "200", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "app.cli.main", "demo"]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True, env=environment)
    served = SERVED.search(said.stdout)
    if served is None:
        raise ValueError(said.stdout[-2000:])
    seconds = float(served[1].replace(".", "").replace(",", "."))
    parts = PARTS.search(said.stdout)
    print("\nThe Complete Journey (one year, 92,203 products listed), upload sent to forecasts served")
    print(f"  {seconds:.1f} s, of which {parts[1] if parts else 'no parts were told'}")
    return seconds

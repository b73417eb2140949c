"""How many cores there are to share."""

import os
import sys


def cores() -> int:
    """Cores that this process may use; only Linux tells them from those that the machine has."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1

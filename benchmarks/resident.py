"""What a process holds of the machine's memory, as Linux tells it of the process alone.

getrusage would begin with the memory of the process that started it.
"""

from pathlib import Path


def resident_kb(kind: str, *, pid: int | str = "self") -> int:
    """KiB of one kind: `VmHWM` (the most so far), `VmRSS` (now), `RssAnon` (now, without mapped files)."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))

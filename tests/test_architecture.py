"""The house stands as drawn: each import contract holds, and bites when it is broken."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command: list[str | Path] = [program, "--no-cache", "--config", folder / "pyproject.toml"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The trees with its contracts, free to be spoilt; imports are read, never run."""
    for package in ("app", "lambdas"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    outcome = lint_imports(copy)
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize(
    ("room", "line", "contract"),
    [
        ("app/domain/cnpj.py", "import app.core.config", "A floor imports only"),
        ("app/processing/reader/recognition.py", "import app.ml.trainer", "A floor imports only"),
        ("app/ml/trainer.py", "import app.core.config", "A floor imports only"),
        ("app/pipeline/intake.py", "import app.bootstrap", "A floor imports only"),
        ("app/worker.py", "import app.api.main", "A floor imports only"),
        ("app/new_room.py", "import app.domain", "A floor imports only"),
        ("app/api/main.py", "import app.core.tables", "Doors reach the outside world"),
        ("app/cli/main.py", "import app.ml.trainer", "Doors reach the outside world"),
        ("app/worker.py", "import app.processing.reader.recognition", "Doors reach the outside world"),
        ("lambdas/door.py", "import app.core.s3", "Functions reach everything"),
        ("lambdas/predict_handler/handler.py", "import app.ml.trainer", "Functions reach everything"),
        ("app/ml/trainer.py", "import logging", "Processing and ml touch no network"),
        ("app/processing/reader/recognition.py", "import sqlalchemy", "Processing and ml touch no network"),
        ("app/domain/columns.py", "import polars", "The words everyone uses"),
    ],
)
def test_a_planted_violation_is_caught(copy: Path, room: str, line: str, contract: str) -> None:
    with (copy / room).open("a") as file:
        file.write(f"\n{line}\n")
    outcome = lint_imports(copy)
    assert outcome.returncode != 0
    broken = [text for text in outcome.stdout.splitlines() if text.endswith("BROKEN")]
    assert [text for text in broken if text.startswith(contract)], outcome.stdout


def test_the_words_everyone_uses_import_the_standard_library_alone() -> None:
    allowed = sys.stdlib_module_names | {"app"}
    imported = {name for path in (ROOT / "app/domain").rglob("*.py") for name in top_level_imports(path)}
    assert imported <= allowed


def test_only_settings_read_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "app").rglob("*.py")
        if re.search(r"os\.environ|getenv\(", path.read_text())
    }
    # The demo hands its own environment on to the service it starts.
    # ... and rds looks for the machine's role where AWS puts it.
    assert readers <= {"app/core/rds.py", "app/cli/demo.py"}


def top_level_imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    of = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in plain | of}

"""Every command of both READMEs, typed in order in a fresh clone on a machine that has no uv."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.s3_server import free_ports
from tests.shop import CNPJ
from tests.test_cli.typed import ROOT, blocks, commands
from tests.waiting import until

PATIENCE_S: Final = 900
SERVE: Final = "make run"
TEST: Final = "make test"
DONE: Final = "typed and done:"


class Terminal:
    """A shell in a folder, which keeps what it is told to export."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        # Apart: curl draws its progress in the middle of an answer.
        self._errors = folder.parent / f"errors-{id(self)}.txt"
        with self._errors.open("ab") as errors:
            self._shell = subprocess.Popen(
                ["bash"],  # noqa: S607  the machine's own
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )

    def begin(self, command: str) -> None:
        """Type a command, as it stands; it reads nothing from the keyboard."""
        assert self._shell.stdin is not None
        typed = self.folder.parent / f"typed-{id(self)}.sh"
        typed.write_text(command, encoding="utf-8")
        self._shell.stdin.write(f'eval "$(cat "{typed}")" </dev/null; echo; echo "{DONE} $?"\n')
        self._shell.stdin.flush()

    def run(self, command: str) -> tuple[int, str]:
        """Type a command and wait: its exit code, and what it said, what went wrong last."""
        before = self._errors.stat().st_size
        self.begin(command)
        assert self._shell.stdout is not None
        said: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(DONE):
                wrong = self._errors.read_bytes()[before:].decode("utf-8", "replace")
                return int(line.removeprefix(DONE)), "".join(said) + wrong
            said.append(line)
        raise AssertionError("the shell ended: " + "".join(said))

    def close(self) -> None:
        """End what was begun, and the shell."""
        os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.communicate(timeout=PATIENCE_S)


@contextmanager
def terminal(folder: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    opened = Terminal(folder, environment)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has make, git, curl and Python, and neither uv nor Quantyfy."""
    ours = re.compile(r"QUANTYFY_|PYTEST_|PYTHON|MAKE|MFLAGS|VIRTUAL_ENV|UV_PROJECT|COLUMNS$|API$|KEY$|CI$")
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    path = without(("uv", "uvx", "quantyfy"), kept["PATH"], tmp_path / "bin")
    assert shutil.which("uv", path=path) is shutil.which("quantyfy", path=path) is None
    [port] = free_ports(1)
    return kept | {"PATH": path, "QUANTYFY_PORT": str(port)}  # 8000 may be somebody's


def without(names: tuple[str, ...], path: str, folder: Path) -> str:
    """A search path on which the programs of these names are not found, and all others are."""
    kept = []
    for at, place in enumerate(Path(each) for each in path.split(os.pathsep)):
        if any((place / name).exists() for name in names):
            links = folder / str(at)
            links.mkdir(parents=True)
            for program in place.iterdir():
                if program.name not in names:
                    (links / program.name).symlink_to(program)
            kept.append(str(links))
        else:
            kept.append(str(place))
    return os.pathsep.join(kept)


@pytest.fixture
def clone() -> Iterator[Path]:
    """What `git clone` brings of this commit; on a short path, as people have."""
    with tempfile.TemporaryDirectory(prefix="readme-") as folder:
        fresh = Path(folder) / "quantyfy"
        trusting = ["-c", f"safe.directory={ROOT}", "-c", f"safe.directory={ROOT / '.git'}"]
        subprocess.run(["git", *trusting, "clone", "--quiet", ROOT, fresh], check=True)  # noqa: S607
        yield fresh


def typed_in(readme: Path) -> list[str]:
    return [command for block in blocks(readme.read_text(encoding="utf-8")) for command in commands(block)]


def test_both_readmes_have_the_same_commands() -> None:
    english, portuguese = (typed_in(ROOT / name) for name in ("README.md", "README.pt-BR.md"))
    assert english == portuguese
    assert len(english) >= 11


def test_every_command_of_the_readmes_works_as_typed_in_a_fresh_clone(clone: Path, machine: dict[str, str]) -> None:
    typed = typed_in(clone / "README.md")
    assert typed == typed_in(clone / "README.pt-BR.md")
    with terminal(clone, machine) as first, terminal(clone, machine) as second:
        for command in typed:
            if command == SERVE:
                first.begin(command)
                until(lambda: is_ready(machine), patience_s=PATIENCE_S)
                continue
            code, said = second.run(f"make -n {TEST.removeprefix('make ')}" if command == TEST else command)
            assert code == 0, (command, said)
            assert "Traceback" not in said, (command, said)
            expected(command)(said, clone)
        assert_works_from_another_folder(clone, machine)
    until(lambda: not (clone / ".quantyfy/postgres/data/postmaster.pid").exists(), patience_s=PATIENCE_S)


def is_ready(machine: Mapping[str, str]) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{machine['QUANTYFY_PORT']}/health/ready").is_success
    except httpx2.TransportError:
        return False


def assert_works_from_another_folder(clone: Path, machine: Mapping[str, str]) -> None:
    """By its path, and by a link on the search path, with the key of the service that runs."""
    elsewhere = clone.parent / "planilhas da loja"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(clone / "quantyfy")
    with terminal(elsewhere, machine) as third:
        for program in ("../quantyfy/quantyfy", "./link"):
            code, said = third.run(f"{program} predictions {CNPJ}")
            assert (code, "Próximos 90 dias" in said) == (0, True), said
    assert [path.name for path in elsewhere.iterdir()] == ["link"]


def says(*words: str) -> Callable[[str, Path], None]:
    """Words that the answer has."""

    def look(said: str, clone: Path) -> None:
        del clone
        assert [word for word in words if word not in said] == [], said

    return look


def is_forecast(said: str, clone: Path) -> None:
    says("Conferência dos arquivos", "Próximos 90 dias", "Previsto × realizado")(said, clone)
    names = {path.name for path in (clone / "out").iterdir()}
    assert names == {"forecast.parquet", "totals.parquet", "accuracy.parquet", "findings.csv"}


def is_received(said: str, clone: Path) -> None:
    del clone
    assert answered(said)["url"].startswith("/uploads/")


def is_list_of_uploads(said: str, clone: Path) -> None:
    del clone
    assert {upload["cnpj"] for upload in answered(said)["uploads"]} == {CNPJ}


def is_prediction(said: str, clone: Path) -> None:
    del clone
    rows = answered(said)["rows"]
    assert {(row["level"], row["horizon_days"]) for row in rows} == {("product", 30)}


def answered(said: str) -> dict[str, Any]:
    """The JSON that curl brings."""
    found: dict[str, Any]
    found, _ = json.JSONDecoder().raw_decode(said)
    return found


EXPECTED: Final[Mapping[str, Callable[[str, Path], None]]] = {
    "make demo": says("Próximos 30 dias", "Tempos", "do envio à previsão publicada"),
    TEST: says("pytest"),
    "./quantyfy forecast ": is_forecast,
    "./quantyfy inspect ": says("é a tabela vendas_itens", "Não guardamos (dados pessoais): Cliente"),
    "./quantyfy upload ": says("/uploads/", "Conferência dos arquivos", "Aceitas"),
    "./quantyfy predictions ": says("Próximos 90 dias", "Faixa provável", "Sem o sistema"),
    "export ": says(),
    "/upload": is_received,
    "/uploads": is_list_of_uploads,
    "/predictions/": is_prediction,
}


def expected(command: str) -> Callable[[str, Path], None]:
    """What a command should say: a new one in the READMEs needs a line here."""
    by_place = [part for part in ("/predictions/", "/uploads", "/upload") if f"$API{part}" in command]
    by_start = [start for start in EXPECTED if command.startswith(start)]
    return EXPECTED[(by_place if command.startswith("curl ") else by_start)[0]]

"""Every promise of `running`, kept by real servers and real kills."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import psycopg
import pytest
from sqlalchemy import create_engine, text

from app.core.embedded_postgres import running
from app.core.embedded_postgres.launch import LEASH
from app.domain.errors import PostgresWouldNotStart
from tests.waiting import until

ROOT = os.geteuid() == 0
NOBODY = 65534
# May walk to the interpreter and read it, wherever the tests' own environment lies, and has no other privilege.
AS_SOMEBODY = ["setpriv", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]

VISIT = """
import sys
from pathlib import Path
from app.core import embedded_postgres
from app.core.embedded_postgres import launch

folder, launch.LEASH, launch._SHARED_COPIES = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
sys.path[:0] = sys.argv[4:]
print("ready", flush=True)
sys.stdin.readline()
with embedded_postgres.running(folder) as uri:
    print(uri, flush=True)
    sys.stdin.read()
"""

CONNECT = "import psycopg, sys; psycopg.connect(sys.argv[1])"


class Visitor:
    """A process of its own inside `running(folder)`."""

    def __init__(
        self, folder: Path, *, uid: int | None = None, leash: str = LEASH, packages: tuple[str, str] | None = None
    ) -> None:
        self.folder = folder
        copies, *hidden = packages or ("/nowhere",)
        self.process = subprocess.Popen(
            [*as_user(uid), sys.executable, "-c", VISIT, folder, leash, copies, *hidden],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        assert self._hear() == "ready"

    def enter(self) -> Self:
        self._say("enter")
        self.uri = self._hear()
        return self

    def leave(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _say(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def _hear(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@pytest.fixture
def visit() -> Iterator[Callable[..., Visitor]]:
    """Visitors that are gone at the end, and their servers with them, however the test ended."""
    visitors: list[Visitor] = []

    def visit(
        folder: Path, *, uid: int | None = None, leash: str = LEASH, packages: tuple[str, str] | None = None
    ) -> Visitor:
        visitors.append(Visitor(folder, uid=uid, leash=leash, packages=packages))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.kill()
    for visitor in visitors:
        wait_until_idle(visitor.folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a server may live, below a folder that nobody else may enter."""
    tmp_path.chmod(0o700)
    return tmp_path / "postgres"


def as_user(uid: int | None) -> list[str]:
    return [] if uid is None else [*AS_SOMEBODY, f"--reuid={uid}", f"--regid={uid}"]


def processes_of(folder: Path) -> set[int]:
    """Every process that stands in the data folder, which all of a server's do."""
    return {int(path.name) for path in Path("/proc").glob("[0-9]*") if stands_in(path) == str(folder / "data")}


def stands_in(process: Path) -> str | None:
    try:
        return str(Path(process / "cwd").readlink())
    except OSError:
        return None


def server_of(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def wait_until_idle(folder: Path) -> None:
    until(lambda: not processes_of(folder))


def answers(uri: str) -> bool:
    try:
        psycopg.connect(uri).close()
    except psycopg.OperationalError:
        return False
    return True


def note(uri: str, *words: str) -> None:
    with psycopg.connect(uri) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (word text PRIMARY KEY)")
        connection.cursor().executemany("INSERT INTO notes VALUES (%s)", [(word,) for word in words])


def notes(uri: str) -> list[str]:
    with psycopg.connect(uri) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM notes ORDER BY word")]


def patient_notes(uri: str) -> list[str]:
    """As a pool reads that checks its connections: who answered may be the dead parent's server, on its way out."""
    found: list[str] = []

    def read() -> bool:
        with suppress(psycopg.OperationalError):
            found[:] = notes(uri)
            return True
        return False

    until(read)
    return found


def test_rows_are_there_after_a_stop_and_a_start(folder: Path) -> None:
    with running(folder) as uri:
        note(uri, "café", "pão")
    with running(folder) as uri:
        assert notes(uri) == ["café", "pão"]


def test_the_database_is_durable_and_speaks_utf8_and_no_network(folder: Path) -> None:
    with running(folder) as uri, psycopg.connect(uri) as connection:
        shown = [
            connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "server_encoding", "listen_addresses")
        ]
        lowered = connection.execute("SELECT current_database(), current_user, lower('PÃO DE AÇÚCAR')").fetchone()
    assert shown == [("on",), ("UTF8",), ("",)]
    assert lowered == ("quantyfy", "postgres", "pão de açúcar")


def test_sqlalchemy_takes_the_address_as_it_is(folder: Path) -> None:
    with running(folder) as uri:
        engine = create_engine(uri)
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1 + 1")).scalar_one() == 2
        engine.dispose()


def test_nothing_is_left_behind_after_a_normal_end(folder: Path) -> None:
    with running(folder):
        assert processes_of(folder)
    assert not processes_of(folder)
    assert not list((folder / "data").glob(".s.PGSQL*"))
    assert not (folder / "data" / "postmaster.pid").exists()


def test_open_connections_do_not_keep_it_from_ending(folder: Path) -> None:
    with ExitStack() as guests:
        with running(folder) as uri:
            for _ in range(3):
                guests.enter_context(psycopg.connect(uri, autocommit=True)).execute("SELECT 1")
        assert not processes_of(folder)


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else; other users are ordinary in every test here")
def test_an_ordinary_user_starts_a_server_of_its_own(folder: Path, visit: Callable[..., Visitor]) -> None:
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    for word in ("um", "dois"):
        visitor = visit(folder, uid=NOBODY).enter()
        note(visitor.uri, word)
        visitor.leave()
    assert (folder / "lock").stat().st_uid == (folder / "data").stat().st_uid == NOBODY
    with running(folder) as uri:  # and root, coming later, leaves it that user's
        assert notes(uri) == ["dois", "um"]
        assert (folder / "data" / "postmaster.pid").stat().st_uid == NOBODY


@pytest.mark.skipif(not ROOT, reason="only root can become somebody else")
def test_another_user_gets_no_connection(folder: Path) -> None:
    with running(folder) as uri:
        stranger = subprocess.run(
            [*as_user(65533), sys.executable, "-c", CONNECT, uri], capture_output=True, text=True, check=False
        )
    assert "Permission denied" in stranger.stderr


@pytest.mark.parametrize("leash", sorted({"pipe", LEASH}))
@pytest.mark.parametrize("killed", [("server",), ("parent",), ("server", "parent")], ids="+".join)
def test_rows_are_there_after_a_kill(
    folder: Path, visit: Callable[..., Visitor], killed: tuple[str, ...], leash: str
) -> None:
    visitor = visit(folder, leash=leash).enter()
    note(visitor.uri, "antes")
    if "server" in killed:
        os.kill(server_of(folder), signal.SIGKILL)
    if "parent" in killed:
        visitor.kill()
    with running(folder) as uri:
        assert patient_notes(uri) == ["antes"]


@pytest.mark.parametrize("leash", sorted({"pipe", LEASH}))
def test_the_server_ends_with_the_process_that_started_it(
    folder: Path, visit: Callable[..., Visitor], leash: str
) -> None:
    visit(folder, leash=leash).enter().kill()
    wait_until_idle(folder)
    assert not (folder / "data" / "postmaster.pid").exists()


def test_a_killed_server_comes_back_for_those_who_use_it(folder: Path) -> None:
    with running(folder) as uri:
        note(uri, "antes")
        os.kill(server_of(folder), signal.SIGKILL)
        until(lambda: answers(uri))
        assert notes(uri) == ["antes"]


@pytest.mark.parametrize("parting", [Visitor.leave, Visitor.kill])
def test_a_user_takes_over_when_the_starter_goes(
    folder: Path, visit: Callable[..., Visitor], parting: Callable[[Visitor], None]
) -> None:
    starter = visit(folder).enter()
    note(starter.uri, "antes")
    with running(folder) as uri:
        first = server_of(folder)
        parting(starter)
        until(lambda: answers(uri))
        assert server_of(folder) != first
        assert notes(uri) == ["antes"]
    assert not processes_of(folder)


def test_who_only_uses_a_server_starts_none_and_takes_none_along(folder: Path, visit: Callable[..., Visitor]) -> None:
    starter = visit(folder).enter()
    first = server_of(folder)
    with running(folder, starts=False) as uri:
        note(uri, "antes")
    assert server_of(folder) == first
    with running(folder, starts=False) as uri:
        starter.leave()
        wait_until_idle(folder)
        assert not answers(uri)
        visit(folder).enter()
        assert patient_notes(uri) == ["antes"]


def test_ten_processes_that_ask_at_once_share_one_server(folder: Path, visit: Callable[..., Visitor]) -> None:
    visitors = [visit(folder) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(Visitor.enter, visitors))
    for number, visitor in enumerate(visitors):
        note(visitor.uri, str(number))
    assert notes(visitors[0].uri) == [str(number) for number in range(10)]
    assert (folder / "postgres.log").read_text().count("ready to accept connections") == 1


def test_left_over_files_that_name_a_living_stranger_are_no_obstacle(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(folder) as uri:
        note(uri, "antes")
    for leftover in ("postmaster.pid", ".s.PGSQL.5432.lock"):  # as after a power cut, with the pid given anew since
        (folder / "data" / leftover).write_text(f"{os.getppid()}\n{folder}\n1\n5432\n.\n\n  1 1\nready\n")
    with socket.socket(socket.AF_UNIX) as dead, monkeypatch.context() as patch:
        patch.chdir(folder / "data")  # a socket's path is 107 bytes at most, however deep the folder lies
        dead.bind(".s.PGSQL.5432")
    with running(folder) as uri:
        assert notes(uri) == ["antes"]


def test_a_first_start_cut_short_is_begun_again(folder: Path) -> None:
    (folder / "data.new" / "base").mkdir(parents=True)
    (folder / "data.new" / "PG_VERSION").write_text("18\n")
    with running(folder) as uri:
        note(uri, "novo")
    assert not (folder / "data.new").exists()


@pytest.mark.parametrize("name", ["x" * 200, "loja, com vírgula: e espaço", "São João %20 + 100%"])
def test_any_folder_name_will_do(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    private = tmp_path / "t"
    private.mkdir()
    with monkeypatch.context() as patch, tempfile.TemporaryDirectory() as short:
        patch.setattr(tempfile, "tempdir", short)
        with running(tmp_path / name / "postgres") as uri:
            note(uri, "oi")
            assert notes(uri) == ["oi"]
        assert not list(Path(short).iterdir())


def test_ctrl_c_in_a_terminal_leaves_the_server_to_its_starter(folder: Path, visit: Callable[..., Visitor]) -> None:
    visitor = visit(folder).enter()
    assert os.getpgid(visitor.process.pid) == visitor.process.pid
    assert all(os.getpgid(server) != visitor.process.pid for server in processes_of(folder))


@pytest.mark.skipif(not ROOT, reason="only root starts PostgreSQL as another user, who may not reach the programs")
def test_programs_out_of_nobodys_reach_are_copied_where_everyone_can_run_them(
    folder: Path, tmp_path: Path, visit: Callable[..., Visitor]
) -> None:
    hidden = tmp_path / "hidden"
    with tempfile.TemporaryDirectory() as copies:
        Path(copies).chmod(0o755)
        for part in installed_package().parent.glob("embedded_postgres*"):
            shutil.copytree(part, hidden / part.name)
        visitor = visit(folder, packages=(copies, str(hidden))).enter()
        assert Path(f"/proc/{server_of(folder)}/exe").readlink().is_relative_to(copies)
        visitor.leave()
        assert len(list(Path(copies).iterdir())) == 1


def installed_package() -> Path:
    return next(Path(entry, "embedded_postgres") for entry in sys.path if Path(entry, "embedded_postgres").is_dir())


def test_a_damaged_database_is_refused_with_the_servers_own_words(folder: Path) -> None:
    with running(folder):
        pass
    (folder / "data" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(PostgresWouldNotStart, match=r"initialized by PostgreSQL version 9\.6"), running(folder):
        pass


def test_a_folder_that_cannot_be_made_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PostgresWouldNotStart, match="file"), running(tmp_path / "file" / "postgres"):
        pass

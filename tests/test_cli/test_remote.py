"""The commands that speak to a service, when there is none, when it is another's, or when it says no."""

import contextlib
import io
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from app.cli.main import main
from app.cli.remote import Service
from app.domain.errors import ServiceSlow
from tests.shop import CNPJ, write_shop
from tests.test_cli.test_service import Laptop

NOBODY = "http://127.0.0.1:9"
KEY = "qk_" + "a" * 43
HTML = b"<html><body>It works!</body></html>"
ENGLISH = ("Traceback", "Error", "error", "Invalid", "Usage", "Missing", "No such", "Permission", "not found", "failed")


class Done(NamedTuple):
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str | Path, folder: Path, **settings: str) -> Done:
    """A command as it is typed, with nothing configured but `settings`: all of the program but its start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUANTYFY_")}
    told = {f"QUANTYFY_{name.upper()}": value for name, value in settings.items()}
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", kept | {"QUANTYFY_HOME": str(folder)} | told)
        patch.setattr(sys, "argv", ["quantyfy", *map(str, words)])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
            main()
    return Done(int(end.value.code or 0), out.getvalue(), err.getvalue())


def assert_told(done: Done, *words: str, code: int = 1) -> None:
    """Two lines of Portuguese on standard error, with these words, and nothing else."""
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 2, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert [word for word in ENGLISH if word in done.stderr] == []


def asked(command: str, folder: Path, **settings: str) -> Done:
    """One of the commands that need a service."""
    if command == "predictions":
        return run("predictions", CNPJ, folder=folder, **settings)
    files = [file.path for file in write_shop(folder / "files", days=3)]
    return run("upload", *files, "--cnpj", CNPJ, "--name", "Padaria", folder=folder, **settings)


COMMANDS = pytest.mark.parametrize("command", ["upload", "predictions"])


@COMMANDS
def test_without_a_service_it_says_where_it_tried_and_how_to_start_one(command: str, tmp_path: Path) -> None:
    done = asked(command, tmp_path, api_key=KEY, api_url=NOBODY)
    assert_told(done, NOBODY, "make run", "QUANTYFY_API_URL")


def test_a_program_of_its_own_says_the_same(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUANTYFY_")}
    told = {"QUANTYFY_HOME": str(tmp_path), "QUANTYFY_API_KEY": KEY, "QUANTYFY_API_URL": NOBODY}
    command = [sys.executable, "-m", "app.cli.main", "predictions", CNPJ]
    done = subprocess.run(command, env=kept | told, capture_output=True, text=True, check=False)
    assert_told(Done(done.returncode, done.stdout, done.stderr), NOBODY, "make run")


def test_a_port_of_its_own_is_where_commands_look(tmp_path: Path) -> None:
    assert_told(asked("predictions", tmp_path, api_key=KEY, port="9"), NOBODY)


@pytest.mark.parametrize("url", ["http://nobody.invalid", "http://user:segredo@127.0.0.1:9/"])
def test_a_host_that_is_not_there_is_named_without_its_password(url: str, tmp_path: Path) -> None:
    done = asked("predictions", tmp_path, api_key=KEY, api_url=url)
    assert_told(done, "http://")
    assert "segredo" not in done.stderr


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://", "http://x:porta", "http://[::1", "tudo certo"])
def test_an_address_that_cannot_be_one_is_told(url: str, tmp_path: Path) -> None:
    assert_told(asked("predictions", tmp_path, api_key=KEY, api_url=url), "QUANTYFY_API_URL", ".env.example")


@COMMANDS
def test_without_a_key_it_says_where_one_comes_from(command: str, tmp_path: Path) -> None:
    assert_told(asked(command, tmp_path), str(tmp_path / "api_key"), "make run", "QUANTYFY_API_KEY")


@pytest.mark.parametrize("key", ["qk_é", "qk_a b", "qk_\x07"])
def test_a_key_that_cannot_be_one_is_told(key: str, tmp_path: Path) -> None:
    assert_told(asked("predictions", tmp_path, api_key=key), "QUANTYFY_API_KEY")
    (tmp_path / "api_key").write_text(key + "\n", encoding="utf-8")
    assert_told(asked("predictions", tmp_path), str(tmp_path / "api_key"))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(HTML) + HTML,
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(HTML) + HTML,
        b"HTTP/1.1 301 Moved\r\nLocation: http://example.invalid/\r\nContent-Length: 0\r\n\r\n",
        b'HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{"detail":"Not Found"}',
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n" + b'{"url":"/x/y"}'[:13],
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"",
    ],
    ids=["page", "proxy", "moved", "other-api", "list", "cut-json", "not-gzip", "not-http", "hangs-up"],
)
def test_another_program_at_the_address_is_told_from_ours(answer: bytes, tmp_path: Path) -> None:
    with answering(answer) as url:
        assert_told(asked("predictions", tmp_path, api_key=KEY, api_url=url), url, "QUANTYFY_API_URL")


def test_a_service_that_does_not_answer_in_time_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Service(url, KEY, timeout=httpx2.Timeout(0.2)) as service, pytest.raises(ServiceSlow) as told:
            service.get("/companies")
    assert url in told.value.detail()


@contextlib.contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """Somebody else's program on a port: whatever it is asked, it says this and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, answer), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer(server: socket.socket, answer: bytes) -> None:
    while True:
        try:
            line, _ = server.accept()
        except OSError:  # the test is over
            return
        with line:
            line.recv(65536)
            line.sendall(answer)


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    home = tmp_path / "laptop"
    home.mkdir()
    started = Laptop(home)
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.service.kill()
        started.service.wait()
        started.log.close()
        started.wait_until_gone()


def test_a_service_that_says_no_is_quoted(laptop: Laptop, tmp_path: Path) -> None:
    mine = (laptop.home / "api_key").read_text().strip()
    for command in ("upload", "predictions"):
        wrong = asked(command, tmp_path, api_key=KEY, api_url=laptop.url)
        assert_told(wrong, "não aceitou a chave", "QUANTYFY_API_KEY", laptop.url)
        assert KEY not in wrong.stderr
    (tmp_path / "api_key").write_text(KEY)
    assert_told(asked("predictions", tmp_path, api_url=laptop.url), str(tmp_path / "api_key"))
    assert_told(asked("predictions", tmp_path, api_key=mine, api_url=laptop.url), "Empresa não encontrada")
    here = {"api_key": mine, "api_url": laptop.url}
    file = tmp_path / "vendas_itens.csv"
    file.write_text("")
    sent = ("--cnpj", CNPJ, "--name", "Padaria")
    assert_told(run("upload", file, *sent, folder=tmp_path, **here), "vazio", "vendas_itens.csv")
    second = run("serve", "--port", str(laptop.port), folder=tmp_path)
    assert_told(second, f"127.0.0.1:{laptop.port} já está em uso", f"QUANTYFY_PORT={laptop.port + 1} make run")


SENT = ("--cnpj", CNPJ, "--name", "Padaria")


@pytest.mark.parametrize("command", [("upload", *SENT), ("forecast",), ("inspect",)], ids=lambda words: words[0])
def test_a_file_that_cannot_be_opened_is_named(command: tuple[str, ...], tmp_path: Path) -> None:
    name, *options = command
    (tmp_path / "there.csv").write_text("a;b\n")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    for wrong, why in (
        ("missing.csv", "não existe"),
        ("[bold]x[/].csv", "não existe"),
        ("gone.csv", "não existe"),
        ("x" * 300 + ".csv", "não existe"),
        ("there.csv/inside.csv", "não existe"),
        (".", "é uma pasta"),
    ):
        done = run(name, tmp_path / "there.csv", tmp_path / wrong, *options, folder=tmp_path, api_key=KEY)
        assert_told(done, str(tmp_path / wrong), why)


def test_a_result_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    files = [file.path for file in write_shop(tmp_path / "files")]
    (tmp_path / "file").write_text("")
    (tmp_path / "full" / "totals.parquet").mkdir(parents=True)
    for out, why in (
        ("file", "já existe um arquivo"),
        ("file/in/it", "há um arquivo no lugar da pasta"),
        ("full", "há uma pasta no lugar do arquivo"),
        ("x" * 300, "longo demais"),
        ("/proc/quantyfy", "não pode ser criada"),
    ):
        done = run("forecast", *files, "--out", tmp_path / out, folder=tmp_path)
        assert_told(done, str(tmp_path / out), why, "--out")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["totals.parquet"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["upload"], "Falta informar FILES."),
        (["upload", "x.csv", "--cnpj", CNPJ], "Falta informar --name."),
        (["uplaod", "x.csv"], "O comando não foi entendido."),
        (["predictions", "--jason"], "A opção --jason não existe."),
        (["predictions", CNPJ, "another"], "O comando não foi entendido."),
        (["forecast", "x.csv", "--state", "XX"], "O valor dado a --state não serve."),
        (["forecast", "x.csv", "--as-of", "31/12/2025"], "O valor dado a --as-of não serve."),
        (["forecast", "x.csv", "--as-of"], "A opção --as-of não foi usada como se deve."),
    ],
)
def test_a_slip_of_the_keyboard_is_told_in_portuguese(typed: list[str], told: str, tmp_path: Path) -> None:
    assert_told(run(*typed, folder=tmp_path), told, "--help", code=2)


def test_a_cnpj_that_is_none_is_told_before_anybody_is_asked(tmp_path: Path) -> None:
    assert_told(run("predictions", "11222333000182", folder=tmp_path), "CNPJ inválido")


def test_a_setting_that_is_not_valid_is_named_and_not_shown(tmp_path: Path) -> None:
    done = run("predictions", CNPJ, folder=tmp_path, port="oitenta", copies_mb="-1")
    assert_told(done, "QUANTYFY_COPIES_MB, QUANTYFY_PORT")
    assert "oitenta" not in done.stderr

"""The image is built for arm64 on AWS: nothing that it installs may need a compiler there, nor here."""

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).parents[2]
GLIBC = 36  # Debian 12's
EXTRA = "lambda"


def locked() -> dict[str, list[dict[str, Any]]]:
    """By name; some have a version for each of several Pythons, and a dependency then says which it means."""
    found: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        found.setdefault(package["name"], []).append(package)
    return found


def in_image(machine: str) -> dict[str, dict[str, Any]]:
    """What `uv sync --no-dev --extra lambda` installs, by name."""
    packages = locked()
    [ours] = packages["quantyfy"]
    where = {
        "platform_machine": machine,
        "sys_platform": "linux",
        "python_full_version": "3.11.2",
        "python_version": "3.11",
    }
    found: dict[str, dict[str, Any]] = {}
    asked = [*ours["dependencies"], *ours["optional-dependencies"][EXTRA]]
    while asked:
        wanted = asked.pop()
        marker = wanted.get("marker")
        if marker and not Marker(marker).evaluate(where | {"extra": ""}):
            continue
        versions = packages[wanted["name"]]
        [package] = [one for one in versions if one["version"] == wanted.get("version", one["version"])]
        asked += [one for extra in wanted.get("extra", ()) for one in package["optional-dependencies"].get(extra, ())]
        if wanted["name"] not in found:
            found[wanted["name"]] = package
            asked += package.get("dependencies", [])
    return found


def understood(machine: str) -> set[Tag]:
    """The kinds of wheel that Python 3.11 of Debian 12 installs on this machine."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 16, -1)] + [f"manylinux2014_{machine}"]
    return {*cpython_tags((3, 11), platforms=platforms), *compatible_tags((3, 11), platforms=platforms)}


def name_of(wheel: dict[str, str]) -> str:
    return wheel["url"].rsplit("/", 1)[1]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_everything_in_the_image_has_a_wheel_for_its_machine(machine: str) -> None:
    tags = understood(machine)
    without = {
        name
        for name, package in in_image(machine).items()
        if not any(tags & parse_wheel_filename(name_of(wheel))[3] for wheel in package.get("wheels", ()))
    }
    assert without == set()


def test_what_is_looked_at_is_what_is_installed() -> None:
    """The same list as uv's own."""
    ours = ROOT / ".cache/uv/bin/uv"  # where the machine has none of its own
    command = [
        *(
            str(ours) if ours.exists() else "uv",
            "export",
            "--quiet",
            "--locked",
            "--no-dev",
            "--extra",
            EXTRA,
            "--no-emit-project",
        ),
        *("--no-hashes", "--no-header", "--no-annotate"),
    ]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    on_linux = [line.split(" ; ") for line in listed.splitlines()]
    where = {
        "platform_machine": "x86_64",
        "sys_platform": "linux",
        "python_full_version": "3.11.2",
        "python_version": "3.11",
    }
    names = {
        words[0].split("==")[0].split("[")[0]
        for words in on_linux
        if len(words) == 1 or Marker(words[1]).evaluate(where)
    }
    assert in_image("x86_64").keys() == names

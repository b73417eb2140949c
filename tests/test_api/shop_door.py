"""A running service, and one account's way into it."""

from pathlib import Path
from typing import NamedTuple

from fastapi.testclient import TestClient

from app import worker
from app.core.config import Settings
from tests.shop import CNPJ, write_shop


class Shop(NamedTuple):
    """A running service and one account's way into it."""

    http: TestClient
    settings: Settings
    headers: dict[str, str]

    def upload(self, folder: Path, *, cnpj: str = CNPJ, bad_lines: int = 0) -> str:
        """Send the three files of the small shop; returns the upload's address."""
        files = {f.path.stem: (f.name, f.path.read_bytes()) for f in write_shop(folder, bad_lines=bad_lines)}
        form = {"cnpj": cnpj, "company_name": "Padaria São João"}
        answer = self.http.post("/upload", headers=self.headers, data=form, files=files)
        assert answer.status_code == 202, answer.text
        return str(answer.headers["location"])

    def work(self) -> None:
        """Do all jobs that wait."""
        worker.run(self.settings, until_idle=True)

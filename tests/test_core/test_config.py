from pathlib import Path

import pytest

from app.core.config import Settings

ROOT = Path(__file__).parent.parent.parent


def test_every_setting_stands_in_the_example_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text().splitlines()
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        at = example.index(f"# QUANTYFY_{name.upper()}={default}")
        assert example[at - 1] == f"# {field.description}"
    assert sum(line.startswith("# QUANTYFY_") for line in example) == len(Settings.model_fields)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTYFY_HOME", "/srv/quantyfy")
    monkeypatch.setenv("QUANTYFY_UPLOAD_LIMIT_MB", "3")
    settings = Settings()
    assert settings.lake == "file:///srv/quantyfy/lake"
    assert settings.upload_limit_bytes == 3_000_000


def test_a_secret_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTYFY_API_KEY", "qk_abc")
    monkeypatch.setenv("QUANTYFY_DATABASE_URL", "postgresql://u:abc@db/q")
    assert "abc" not in repr(Settings())

"""Settings: the only reader of the environment."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ORIGIN: Final = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?|http://(localhost|127\.0\.0\.1)(:\d{1,5})?")


class Settings(BaseSettings):
    """Every setting, as `QUANTYFY_<NAME>`. With none set, everything runs on this machine under `home`."""

    model_config = SettingsConfigDict(env_prefix="QUANTYFY_", extra="ignore", frozen=True)

    home: Path = Field(
        default=Path("./.quantyfy"),
        description="Folder of the embedded database, the local lake and the local API key.",
    )
    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL as the application's role; unset: the embedded one."
    )
    owner_database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL as the owner of the tables; only `migrate` uses it."
    )
    database_iam_region: str | None = Field(
        default=None, description="Region of an RDS that knows the machine's role; unset: the URL has the password."
    )
    lake_url: str | None = Field(
        default=None, description="file:///folder or s3://bucket/prefix; unset: the folder `lake` under home."
    )
    s3_endpoint: str | None = Field(default=None, description="Address of an S3 server that is not AWS.")
    s3_region: str = Field(default="sa-east-1", description="Region of the bucket.")
    s3_kms_key: str | None = Field(
        default=None, description="KMS key that encrypts new objects; unset: the bucket's own rule."
    )
    copies_mb: int = Field(
        default=500,
        ge=0,
        description="Disk for copies of what readers want of a lake on S3, in MB (10^6 bytes); 0: none.",
    )
    copies_folder: Path | None = Field(
        default=None, description="Folder of those copies; processes may share it; unset: `copies` under home."
    )
    upload_limit_mb: int = Field(
        default=500, gt=0, description="Largest upload, all its files together, in MB (10^6 bytes)."
    )
    body_pause_seconds: float = Field(
        default=30.0, gt=0, description="Seconds a request's body may pause, or lag behind 10 kB a second."
    )
    answer_seconds: float = Field(
        default=1800.0, gt=0, description="Seconds until an answer begins, the request's body included."
    )
    requests_per_minute: int = Field(
        default=1200, gt=0, description="How often one key may ask, unless the key has a limit of its own."
    )
    trusted_proxies: str = Field(
        default="",
        description="Networks of the load balancers before the service, between spaces (10.0.0.0/16): only from these "
        "is X-Forwarded-For believed.",
    )
    cors_origins: str = Field(
        default="",
        description="Other sites whose pages may call the API with a key, between spaces (https://loja.com.br).",
    )
    webhooks_to_private: bool = Field(
        default=False,
        description="Lets webhooks call private addresses and plain http: for a developer's machine only.",
    )
    raw_retention_days: int = Field(default=90, ge=1, description="Days that files stay as they were received.")
    host: str = Field(default="127.0.0.1", description="Address the service listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the service listens on.")
    worker_concurrency: int = Field(
        default=1, ge=1, description="Jobs a worker does at once; each company's still go one by one."
    )
    worker_metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the worker's own /metrics on this machine; 0: none."
    )
    workers_expected: bool | None = Field(
        default=None,
        description="Whether /health/ready asks for a worker that lives, wherever it runs; "
        "unset: only where `serve` starts one.",
    )
    functions_up_to_mb: int = Field(
        default=0, ge=0, description="AWS functions work on uploads of up to this many MB; 0: the worker does all."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="One JSON object a line, or lines for people."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important line that is written."
    )
    api_url: str | None = Field(
        default=None,
        description="Service that `upload` and `predictions` talk to; unset: this machine's, at the port above.",
    )
    api_key: SecretStr | None = Field(
        default=None, description="Key for `upload` and `predictions`; unset: the local one under home."
    )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: str) -> str:
        """Each is named: no wildcard, and no page that came over plain http, where anyone on the way may change it."""
        wrong = [origin for origin in origins.split() if not _ORIGIN.fullmatch(origin)]
        if wrong:
            raise ValueError(f"no origins, such as https://loja.com.br: {', '.join(wrong)}")
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: str) -> str:
        """Each is an address or a network; to trust everybody would let everybody say who they are."""
        for network in map(ip_network, proxies.split()):
            if network.prefixlen == 0:
                raise ValueError(f"that is everybody: {network}")
        return proxies

    @property
    def lake(self) -> str:
        """URL of the lake's root."""
        return self.lake_url or (self.home.absolute() / "lake").as_uri()

    @property
    def copies(self) -> Path:
        """Folder of the copies of a lake on S3."""
        return self.copies_folder or self.home.absolute() / "copies"

    @property
    def service_url(self) -> str:
        """Where this machine's commands find the service, without a slash at the end."""
        return (self.api_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def local_key(self) -> Path:
        """File with the API key of the account that a first start makes beside the embedded database."""
        return self.home / "api_key"

    @property
    def upload_limit_bytes(self) -> int:
        """Largest upload in bytes."""
        return self.upload_limit_mb * 1_000_000

    @property
    def functions_up_to_bytes(self) -> int:
        """What a stage may read, in bytes, and still be a function's work."""
        return self.functions_up_to_mb * 1_000_000

"""Settings from the environment: `PGQ_…`, and `PGQ_…_FILE` for secrets."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pgq.values.duration import parse_duration
from pgq.values.errors import InvalidTask, SettingsError

SECRETS = ("database_url", "direct_url", "admin_token")


class Settings(BaseSettings):
    """All settings; each is an environment variable `PGQ_` + its name, and an option where the command line has it."""

    model_config = SettingsConfigDict(env_prefix="PGQ_", extra="ignore", frozen=True)

    database_url: SecretStr | None = None
    """libpq URI or DSN; several hosts are allowed. Unset: a local server (see `pgq up`)."""
    direct_url: SecretStr | None = None
    """An un-pooled URL for LISTEN, when database_url goes through a transaction pooler."""
    data_dir: Path = Field(default_factory=lambda: user_data_path("pgq") / "postgres")
    """Where the embedded server keeps its data."""

    host: str = "127.0.0.1"
    """Where the API listens."""
    port: int = Field(8000, ge=0, le=65_535)
    auth: Literal["required", "off"] | None = None
    """Default: off on a loopback address, required elsewhere."""
    insecure: bool = False
    """Allows auth to be off where others can reach it."""
    admin_token: SecretStr | None = None
    """A static token with all rights, for the first start."""
    root_path: str = ""
    """The path under which a proxy shows the API: `/pgq`."""
    allowed_hosts: str = ""
    """Names that the API may be called by, separated by commas; `*.example.com` stands for all below it."""
    trusted_proxies: str = ""
    """Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed, separated by commas."""
    rate_limit_token: float | None = Field(None, gt=0)
    """Requests a second for each token; default: no limit. Held across all API processes."""
    rate_limit_address: float | None = Field(None, gt=0)
    """Requests a second from each address; default: no limit."""
    rate_limit_burst: float | None = Field(None, ge=1)
    """How many requests may come at once; default: one second's worth."""
    api_processes: int = Field(1, ge=1, le=1_000)
    """Processes that `pgq api` starts and supervises."""
    tls_cert: Path | None = None
    """The certificate with its chain, in PEM: the API then speaks https."""
    tls_key: Path | None = None
    """The certificate's key, when it is not in the same file."""
    tls_client_ca: Path | None = None
    """Clients must show a certificate that one of these signed."""
    max_requests: int = Field(5_000, ge=1)
    """Requests at once in one API process, those that wait included."""
    header_seconds: float = Field(10, gt=0)
    """How long a client may take to send a request's head, and may pause within a body."""
    pool_size: int = Field(10, ge=1, le=1_000)
    """Database connections of one API process."""
    max_body_bytes: int = Field(2_097_152, ge=1_024)
    """The longest body of a request."""
    max_batch_bytes: int = Field(67_108_864, ge=1_024)
    """The longest body of a batch."""

    app: str | None = None
    """MODULE or MODULE:APP of the worker."""
    queues: str | None = None
    """`email:10,default`: the queues to serve, with their weights."""
    concurrency: int = Field(100, ge=1, le=10_000)
    """Tasks at once in one worker process."""
    processes: int = Field(1, ge=1, le=1_000)
    """Worker processes that `pgq worker` starts and supervises."""
    worker_name: str | None = None
    """How the worker is called in lists; default: the host's name."""
    grace_seconds: float = Field(25, ge=0, le=86_400)
    """How long a stopping worker lets its tasks finish."""
    lease_seconds: float = Field(60, ge=1, le=86_400)
    """How long a claim lasts without being extended."""
    poll_seconds: float = Field(1, ge=0.01, le=60)
    """How often an idle worker looks for tasks when no notification comes."""
    kind_grace_seconds: float = Field(86_400, ge=1)
    """How long a task of a kind that no live worker has waits before it is buried."""
    redact: str | None = None
    """Fields of payloads that nobody is shown: `password,token,card.*` (see Redaction)."""
    retention: float = 7 * 86_400.0
    """How long finished tasks are kept, in seconds (or `7d`, `12h`, …); from one hour."""
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def auth_is_off(self) -> bool:
        """Whether everybody is an admin: by default on a loopback address only."""
        return self.auth == "off" or (self.auth is None and is_loopback(self.host))

    @field_validator("root_path")
    @classmethod
    def root_path_is_a_path(cls, value: str) -> str:
        """`/pgq`, without a slash at its end."""
        if value and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+/?", value):
            raise ValueError("must look like /pgq")
        return value.rstrip("/")

    @field_validator("retention", mode="before")
    @classmethod
    def retention_in_words(cls, value: object) -> object:
        """`7d` as seconds."""
        if not isinstance(value, str):
            return value
        try:
            return parse_duration(value)
        except InvalidTask as error:
            raise ValueError(error.reason) from None

    @field_validator("retention")
    @classmethod
    def retention_is_an_hour_or_more(cls, value: float) -> float:
        """Shorter ones would drop results before their submitter can read them."""
        if value < 3_600:
            raise ValueError("must be one hour or more")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def any_case(cls, value: object) -> object:
        """`INFO` is `info`."""
        return value.lower() if isinstance(value, str) else value


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; `overrides` that are not None win (they come from the command line).

    Raises SettingsError, naming the variable and the reason, never the value of a secret.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    for key in SECRETS:
        if key not in given and (path := os.environ.get(f"PGQ_{key.upper()}_FILE")):
            given[key] = secret_from(path, key)
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "PGQ_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listed(words: str) -> list[str]:
    """The parts of a setting that is a list."""
    return [part.strip() for part in words.split(",") if part.strip()]


def secret_from(path: str, key: str) -> str:
    """The secret that a file holds, without the line's end."""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SettingsError(f"PGQ_{key.upper()}_FILE: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"PGQ_{key.upper()}_FILE: {path} is not text in UTF-8") from None

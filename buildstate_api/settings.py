"""The settings of one copy of the service."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PrefectSettings:
    """Where the orchestrator is that resumes builds.

    Attributes:
        api_url: Its API (`http://127.0.0.1:4200/api`).
        api_key: Sent with each request, if it wants one.
        ui_url: Where people see its runs; `None` for where the API is, without `/api`.
    """

    api_url: str
    api_key: str | None = None
    ui_url: str | None = None

    def run_url(self, flow_run_id: object) -> str:
        """Name the page of a flow run.

        >>> PrefectSettings(api_url="http://127.0.0.1:4200/api").run_url(7)
        'http://127.0.0.1:4200/runs/flow-run/7'
        """
        base = self.ui_url or self.api_url.rstrip("/").removesuffix("/api")
        return f"{base.rstrip('/')}/runs/flow-run/{flow_run_id}"


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What the service is told when it starts.

    Attributes:
        database_url: A PostgreSQL connection URL, as libpq takes it (`postgresql://…`).
        max_body_bytes: The largest request body that is read.
        pool_size: Connections kept open for requests.
        prefect: The orchestrator that builds are resumed by, if there is one.
    """

    database_url: str
    max_body_bytes: int = 4 * 1024 * 1024
    pool_size: int = 10
    prefect: PrefectSettings | None = None

"""Where the service is, kept in Prefect: a block."""

from dataclasses import replace

from prefect.blocks.core import Block
from pydantic import Field, PositiveInt, SecretStr

from buildstate_worker.settings import Settings


class BuildStateServer(Block):
    """Where the BuildState service is, and the key for it.

    Save it once; every worker opens builds with it by name:

        BuildStateServer(api_url="https://bldst.example", api_key="bldst_…").save("images")

        with build("rhel-base", "9.6", server="images"):
            ...

    What it leaves out is as the environment and the config file of the worker say.
    """

    _block_type_name = "BuildState Server"
    _block_type_slug = "buildstate-server"

    api_url: str = Field(
        title="API URL", description="The service, as http://127.0.0.1:8642.", pattern="^https?://"
    )
    api_key: SecretStr | None = Field(
        default=None, title="API key", description="A key that may write."
    )
    storage_url: str | None = Field(
        default=None,
        title="Storage URL",
        description="Where artifacts go if the project names no storage.",
    )
    worker: str | None = Field(
        default=None, description="The worker's name in claims. Default: its own setting."
    )
    lease_seconds: PositiveInt | None = Field(
        default=None, description="After how long without a heartbeat a claim is lost."
    )

    def settings(self, own: Settings) -> Settings:
        """Return a worker's settings with what this block says."""
        api_url = self.api_url.rstrip("/")
        # The worker's own key is for its own server: it is not shown to another one.
        own_key = own.api_key if api_url == own.api_url else None
        return replace(
            own,
            api_url=api_url,
            api_key=own_key if self.api_key is None else self.api_key.get_secret_value(),
            storage_url=self.storage_url or own.storage_url,
            worker=self.worker or own.worker,
            lease_seconds=self.lease_seconds or own.lease_seconds,
        )

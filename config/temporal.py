"""The connection to Temporal."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig

from config.ending import let_threads_finish_at_exit


async def connect() -> Client:
    """Connect as Temporal's environment variables or profile file say.

    `TEMPORAL_ADDRESS` and `TEMPORAL_NAMESPACE` are enough for most; by default
    localhost:7233 and `default`.

    Raises:
        RuntimeError: the server cannot be reached.
    """
    let_threads_finish_at_exit()
    settings = ClientConfig.load_client_connect_config()
    settings.setdefault("target_host", "localhost:7233")
    return await Client.connect(**settings, data_converter=pydantic_data_converter)

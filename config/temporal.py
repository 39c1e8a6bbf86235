"""The connection to Temporal."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from madan_sara.config.ending import let_threads_finish_at_exit


def temporal_address() -> str:
    """Where the environment or the profile file says Temporal is."""
    return _settings()["target_host"]


async def connect() -> Client:
    """Connect as Temporal's environment variables or profile file say.

    `TEMPORAL_ADDRESS` and `TEMPORAL_NAMESPACE` are enough for most; by default
    localhost:7233 and `default`.

    Raises:
        RuntimeError: the server cannot be reached, or Temporal's settings cannot be used.
    """
    let_threads_finish_at_exit()
    settings = _settings()
    try:
        return await Client.connect(**settings, data_converter=pydantic_data_converter)
    except (RuntimeError, ValueError, OSError) as error:
        raise RuntimeError(
            f"Temporal cannot be reached at {settings['target_host']}; "
            f"set TEMPORAL_ADDRESS ({error})"
        ) from error


def _settings() -> ClientConnectConfig:
    try:
        settings = ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        raise RuntimeError(
            f"the settings of Temporal (TEMPORAL_..., its profile file): {reason}"
        ) from error
    settings.setdefault("target_host", "localhost:7233")
    return settings

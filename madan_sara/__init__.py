"""Durable outreach: no message lost, none sent twice, no budget overspent, each decision explained.

The names below are what callers import. Each loads its room when it is first asked for, so
that a worker, or a workflow in its sandbox, loads none that it does not use.

The folders beside this file are links to the rooms at the top of the repository. Inside one
package they cannot be taken for a caller's own `config` or `policy`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from madan_sara.contracts.campaign import CampaignStatus, OutreachCampaign
    from madan_sara.contracts.channels import Channel
    from madan_sara.contracts.content import EmailContent, MessageContent
    from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind, DeliveryEventSignal
    from madan_sara.contracts.errors import (
        CampaignConflictError,
        ConflictError,
        DeliveryError,
        FinalStatusError,
        InvalidRequestError,
        KeyUsedError,
        MadanSaraError,
        MisconfiguredError,
        NotAsleepError,
        NotFoundError,
        OutreachLostError,
        OverLimitError,
        StorageError,
        UnreachableError,
        UnreadableRowError,
    )
    from madan_sara.contracts.outreach import ExitReason, OutreachState, OutreachStatus
    from madan_sara.contracts.recipient import ContactInfo, CustomerType, RecipientProfile
    from madan_sara.contracts.settings import OrchestratorSettings, QuietHours
    from madan_sara.starter.answers import BatchResult, SendResult
    from madan_sara.starter.campaign_control import CampaignControl
    from madan_sara.starter.campaign_status import CampaignStatusResult
    from madan_sara.starter.orchestrator import OutreachOrchestrator
    from madan_sara.workflows.campaign import CampaignWorkflow
    from madan_sara.workflows.outreach import OutreachWorkflow

__version__ = "0.1.0"

__all__ = [
    "BatchResult",
    "CampaignConflictError",
    "CampaignControl",
    "CampaignStatus",
    "CampaignStatusResult",
    "CampaignWorkflow",
    "Channel",
    "ConflictError",
    "ContactInfo",
    "CustomerType",
    "DeliveryError",
    "DeliveryEvent",
    "DeliveryEventKind",
    "DeliveryEventSignal",
    "EmailContent",
    "ExitReason",
    "FinalStatusError",
    "InvalidRequestError",
    "KeyUsedError",
    "MadanSaraError",
    "MessageContent",
    "MisconfiguredError",
    "NotAsleepError",
    "NotFoundError",
    "OrchestratorSettings",
    "OutreachCampaign",
    "OutreachLostError",
    "OutreachOrchestrator",
    "OutreachState",
    "OutreachStatus",
    "OutreachWorkflow",
    "OverLimitError",
    "QuietHours",
    "RecipientProfile",
    "SendResult",
    "StorageError",
    "UnreachableError",
    "UnreadableRowError",
]

_MODULES = {
    "contracts.campaign": ("CampaignStatus", "OutreachCampaign"),
    "contracts.channels": ("Channel",),
    "contracts.content": ("EmailContent", "MessageContent"),
    "contracts.delivery": ("DeliveryEvent", "DeliveryEventKind", "DeliveryEventSignal"),
    "contracts.errors": (
        "CampaignConflictError",
        "ConflictError",
        "DeliveryError",
        "FinalStatusError",
        "InvalidRequestError",
        "KeyUsedError",
        "MadanSaraError",
        "MisconfiguredError",
        "NotAsleepError",
        "NotFoundError",
        "OutreachLostError",
        "OverLimitError",
        "StorageError",
        "UnreachableError",
        "UnreadableRowError",
    ),
    "contracts.outreach": ("ExitReason", "OutreachState", "OutreachStatus"),
    "contracts.recipient": ("ContactInfo", "CustomerType", "RecipientProfile"),
    "contracts.settings": ("OrchestratorSettings", "QuietHours"),
    "starter.answers": ("BatchResult", "SendResult"),
    "starter.campaign_control": ("CampaignControl",),
    "starter.campaign_status": ("CampaignStatusResult",),
    "starter.orchestrator": ("OutreachOrchestrator",),
    "workflows.campaign": ("CampaignWorkflow",),
    "workflows.outreach": ("OutreachWorkflow",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module hands on whatever it has
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

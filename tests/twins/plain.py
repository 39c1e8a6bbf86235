"""Answers in a form in which two stores' can be compared, and their differences in words."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from madan_sara.policy.templates import RenderedMessages

#: Fields whose order says nothing.
_UNORDERED: Final = frozenset({("CampaignFacts", "accounts"), ("DecisionFacts", "recent")})


def plain(value: Any) -> Any:
    """A value made of dicts, lists and what compares by itself."""
    if isinstance(value, RenderedMessages):
        return {"content": plain(value.content), "profile": plain(value.profile)}
    if isinstance(value, BaseModel):
        return plain(value.model_dump())
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value).__name__
        found = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {
            name: sorted(each, key=repr) if (kind, name) in _UNORDERED else each
            for name, each in found.items()
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, Set):
        return sorted(map(plain, value))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(each) for each in value]
    return value


def differences(memory: Any, postgres: Any, path: str = "") -> Iterator[str]:
    """What differs between two plain values, each with its place."""
    if isinstance(memory, dict) and isinstance(postgres, dict):
        for key in sorted({*memory, *postgres}, key=str):
            there = (memory.get(key, "nothing"), postgres.get(key, "nothing"))
            yield from differences(*there, f"{path}.{key}")
    elif isinstance(memory, list) and isinstance(postgres, list) and len(memory) == len(postgres):
        for position, (ours, theirs) in enumerate(zip(memory, postgres, strict=True)):
            yield from differences(ours, theirs, f"{path}[{position}]")
    elif memory != postgres:
        yield f"{path or 'the answer'}: {memory!r} in memory, {postgres!r} in PostgreSQL"

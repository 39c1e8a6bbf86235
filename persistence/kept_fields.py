"""Fields of a stored document that only a newer version knows, which a change is to keep."""

import json
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, RootModel


def unknown_fields(document: str, written: BaseModel) -> list[list[str]]:
    """Where a document has fields that the models written over it do not know.

    Args:
        document: a row's JSON.
        written: what is to stand there.

    Returns:
        The path of each; what stands around it is written, too.
    """
    return list(_unknown(json.loads(document), written, ()))


def _unknown(document: object, written: object, path: tuple[str, ...]) -> Iterator[list[str]]:
    if isinstance(written, RootModel):
        written = written.root
    if not isinstance(document, Mapping):
        return
    if isinstance(written, Mapping):
        here = {str(key): value for key, value in written.items()}
    elif isinstance(written, BaseModel):
        here = dict(written)
        yield from ([*path, name] for name in document if name not in here)
    else:
        return
    for name, value in here.items():
        yield from _unknown(document.get(name), value, (*path, name))

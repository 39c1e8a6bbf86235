"""The texts of a message by channel, as Liquid templates."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, RootModel, Tag, model_validator

from madan_sara.contracts.base import BodyText, ClosedContract, Contract, ShortText
from madan_sara.contracts.channels import Channel


class EmailContent(ClosedContract):
    """An e-mail with a subject and one or both bodies."""

    subject: ShortText
    text: BodyText | None = None
    html: BodyText | None = None

    @model_validator(mode="after")
    def _has_a_body(self) -> Self:
        if self.text is None and self.html is None:
            raise ValueError("no body given; fill text, html or both")
        return self


def _require_key(key: object) -> object:
    if key != "default" and key not in list(Channel):
        raise ValueError(f"no such channel; use one of {', '.join(Channel)}, or default")
    return key


ContentKey = Annotated[Channel | Literal["default"], BeforeValidator(_require_key)]


def _kind(value: object) -> str:
    """The form of a channel's content: a text, or an e-mail's parts."""
    return "[parts]" if isinstance(value, Mapping | EmailContent) else "[text]"


class MessageContent(
    RootModel[
        dict[
            ContentKey,
            Annotated[
                Annotated[BodyText, Tag("[text]")] | Annotated[EmailContent, Tag("[parts]")],
                Discriminator(_kind),
            ],
        ]
    ]
):
    """Templates by channel; `default` serves every channel without its own."""

    model_config = ConfigDict(revalidate_instances="always")

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if not self.root:
            raise ValueError("no content given; write at least one channel's text or a default")
        for key, body in self.root.items():
            if isinstance(body, EmailContent) and key != Channel.EMAIL:
                raise ValueError(f"{key}: only email takes a subject, text and html; write a text")
        return self

    def template_for(self, channel: Channel) -> str | EmailContent | None:
        """The channel's own template, else the default one, else nothing."""
        return self.root.get(channel, self.root.get("default"))

    def digest(self) -> str:
        """A stable fingerprint: equal content is stored once."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


class RenderedMessage(Contract):
    """The text for a provider, filled in for the person."""

    text: str
    subject: str | None = None
    html: str | None = None

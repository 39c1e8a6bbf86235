"""The texts of a message to one person: Liquid templates filled in with their fields."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from liquid.exceptions import (
    LiquidError,
    ResourceLimitError,
    UndefinedError,
)

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import EmailContent, MessageContent, RenderedMessage
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.policy.html_words import words_of_html
from madan_sara.policy.template_language import MAX_PLAIN_VALUES, named_fields, parse, plain_fields
from madan_sara.policy.template_values import ValueNotUsableError

#: Missing fields reported for one template; a profile that lacks more has another problem.
MAX_REPORTED_FIELDS: Final = 20

_TAG: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_LONGEST_EXPLANATION: Final = 200
_RUNS_AWAY: Final = "takes too long or grows too large"
_BAD_VALUE: Final = "uses a filter on a value it cannot work with"

#: Python's errors when a filter meets a value it cannot work with.
_VALUE_ERRORS: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


class TemplateError(ValueError):
    """A template cannot be filled in; the message says why, without personal data."""


class MissingFieldError(TemplateError):
    """A template shows a field the recipient does not have.

    Args:
        field: name of the field, with its path if it has one.
    """

    def __init__(self, field: str) -> None:
        super().__init__(f"names the field {field!r}, which this recipient does not have")
        self.field = field


class _Part(NamedTuple):
    """One template of a message."""

    #: Appended to the name of the content in violations.
    name: str
    source: str
    html: bool = False


def render(template: str | EmailContent, profile: RecipientProfile) -> RenderedMessage:
    """Fill in a template for one person.

    In an HTML body every value is escaped, so that a name cannot bring in markup. (A
    value put where a URL stands is the template author's affair.) A subject is one line
    whatever the values. Fields may be tested and given a default when they are missing.

    Args:
        template: a text, or an e-mail's subject and bodies.
        profile: the person whose fields are filled in.

    Returns:
        The message, its lines ended by a line feed only; `text` is empty for an e-mail
        with an HTML body only.

    Raises:
        TemplateError: the template is invalid, shows a missing field, runs away, or
            says nothing once filled in.
    """
    return _render(template, profile.template_fields())


class RenderedMessages:
    """The texts of a message to its person by channel; each template is filled in once.

    Args:
        content: templates by channel.
        profile: the person whose fields are filled in.
    """

    def __init__(self, content: MessageContent, profile: RecipientProfile) -> None:
        self.content = content
        self.profile = profile
        self._fields = profile.template_fields()
        self._filled_in: dict[str | EmailContent, RenderedMessage] = {}

    def on(self, channel: Channel) -> RenderedMessage | None:
        """Its text on a channel; None when nothing is written for it.

        Raises:
            TemplateError: as `render` does.
        """
        template = self.content.template_for(channel)
        if template is None:
            return None
        if template not in self._filled_in:
            self._filled_in[template] = _render(template, self._fields)
        return self._filled_in[template]


def check_content(
    content: MessageContent, profile: RecipientProfile, channels: Sequence[Channel]
) -> list[str]:
    """All violations that keep a message from being written to a recipient.

    Args:
        content: templates by channel.
        profile: the recipient.
        channels: channels that may be used; those without an address are passed over.

    Returns:
        One line per violation, like `content.email: names the field 'first_name', which this
        recipient does not have`; for parts of an e-mail `content.email.subject: ...`.
    """
    fields = profile.template_fields()
    # By its name, so that a default which serves several channels is filled in once.
    used: dict[str, str | EmailContent] = {}
    for channel in channels:
        template = content.template_for(channel)
        if template is not None and profile.contact_info.address_for(channel) is not None:
            used[channel.value if channel in content.root else "default"] = template
    return [
        f"content.{key}{part.name}: {violation}"
        for key, template in used.items()
        for part in _parts(template)
        for violation in _violations(part, fields)
    ]


def check_templates(content: MessageContent) -> list[str]:
    """The violations of templates that concern every recipient.

    Returns:
        One line per violation, each starting with the template's name, like
        `email.subject: is no valid template: ...`.
    """
    return [
        f"{name}: {violation}"
        for name, part in _named_parts(content)
        if (violation := _violation_for_all(part)) is not None
    ]


def check_fields(content: MessageContent, known: Collection[str]) -> list[str]:
    """The fields templates name and recipients need not bring.

    Args:
        content: templates by channel; `check_templates` reports invalid ones.
        known: the fields they may name.

    Returns:
        One line per field, like `email.subject: names the field 'city', ...`.
    """
    usable = [named for named in _named_parts(content) if _violation_for_all(named[1]) is None]
    return [
        f"{name}: names the field {field!r}, {violation}"
        for name, part in usable
        for field, parts in named_fields(part.source, html=part.html).items()
        for field, violation in _field_violations(field, parts, known)
    ]


def _field_violations(
    name: str, parts: Collection[str], known: Collection[str]
) -> Iterator[tuple[str, str]]:
    if name not in known:
        others = ", ".join(known)
        yield (
            name,
            f"which recipients need not bring; add it to recipient_fields, or use one of {others}",
        )
    else:
        yield from ((part, "but what recipients bring has no parts") for part in parts)


def fixed_text(template: str) -> str:
    """The words a text says to every recipient: the template without its fields.

    A text that chooses between words has all of them.
    """
    return _TAG.sub("", template)


def comparable_text(message: RenderedMessage) -> str:
    """The words of a message, for comparing it with others: its text, or its HTML's."""
    if message.text or message.html is None:
        return message.text
    return words_of_html(message.html)


def _render(template: str | EmailContent, fields: Mapping[str, Any]) -> RenderedMessage:
    filled = {part.name: _fill(part, fields) for part in _parts(template)}
    if isinstance(template, str):
        return RenderedMessage(text=filled[""])
    return RenderedMessage(
        text=filled.get(".text", ""),
        subject=_one_line(filled[".subject"]),
        html=filled.get(".html"),
    )


def _parts(template: str | EmailContent) -> list[_Part]:
    if isinstance(template, str):
        return [_Part("", template)]
    parts = [_Part(".subject", template.subject)]
    if template.text is not None:
        parts.append(_Part(".text", template.text))
    if template.html is not None:
        parts.append(_Part(".html", template.html, html=True))
    return parts


def _named_parts(content: MessageContent) -> Iterator[tuple[str, _Part]]:
    for key, template in content.root.items():
        for part in _parts(template):
            yield f"{key}{part.name}", part


def _fill(part: _Part, fields: Mapping[str, Any]) -> str:
    # Without the cause, here and below: it may hold the values that were filled in.
    violation = _violation_for_all(part)
    if violation is not None:
        raise TemplateError(violation)
    try:
        filled = parse(part.source, html=part.html).render(fields)
    except UndefinedError as error:
        raise MissingFieldError(str(error.message)) from None
    except LiquidError as error:
        raise TemplateError(_explain_use(error)) from None
    except (MemoryError, RecursionError):
        raise TemplateError(_RUNS_AWAY) from None
    except _VALUE_ERRORS:
        raise TemplateError(_BAD_VALUE) from None
    if not filled.strip():
        raise TemplateError("says nothing once it is filled in")
    return filled


def _explain_syntax(error: LiquidError) -> str:
    """Why a template cannot be read; only the template's own words are repeated."""
    if isinstance(error, ResourceLimitError):
        return f"{_RUNS_AWAY}{_location(error)}"
    words = " ".join(str(error.message).split())[:_LONGEST_EXPLANATION]
    return f"is no valid template: {words}{_location(error)}"


def _explain_use(error: LiquidError) -> str:
    """Why a template cannot be filled in.

    Liquid's own words may contain the value a filter met, which can be personal.
    """
    if isinstance(error, ResourceLimitError):
        return f"{_RUNS_AWAY}{_location(error)}"
    if isinstance(error, ValueNotUsableError):
        return f"{_BAD_VALUE}: {error}{_location(error)}"
    return f"{_BAD_VALUE}{_location(error)}"


def _location(error: LiquidError) -> str:
    if error.token is None or error.token.start_index < 0:
        return ""
    return f" (line {error.token.source.count(chr(10), 0, error.token.start_index) + 1})"


def _violations(part: _Part, fields: Mapping[str, Any]) -> list[str]:
    if _surely_fills(part, fields):
        return []
    try:
        _fill(part, fields)
    except MissingFieldError:
        return [str(MissingFieldError(name)) for name in _missing(part, fields)]
    except TemplateError as error:
        return [str(error)]
    return []


def _surely_fills(part: _Part, fields: Mapping[str, Any]) -> bool:
    """Whether there is no need to fill a template in to know that it can be.

    Filling in takes twenty times as long, and an audience has hundreds of thousands.
    """
    plain = plain_fields(part.source, html=part.html)
    if plain is None or not fields.keys() >= plain:
        return False
    return len("".join([str(fields[name]) for name in plain])) <= MAX_PLAIN_VALUES


def _violation_for_all(part: _Part) -> str | None:
    try:
        template = parse(part.source, html=part.html)
    except LiquidError as error:
        return _explain_syntax(error)
    except (MemoryError, RecursionError):
        return _RUNS_AWAY
    # Liquid's word for a node that shows nothing but spaces with any values.
    if all(node.blank for node in template.nodes):
        return "says nothing to any recipient; write a text"
    return None


def _missing(part: _Part, fields: Mapping[str, Any]) -> list[str]:
    """The missing fields of one template, found by giving each a stand-in and going on.

    Filling in stops at the first missing field, and reading the template instead would
    also report fields it handles the absence of.
    """
    given, missing = dict(fields), list[str]()
    while len(missing) < MAX_REPORTED_FIELDS:
        try:
            _fill(part, given)
        except MissingFieldError as error:
            root = re.split(r"[.\[]", error.field)[0]
            if root in given:
                return missing if root in missing else [*missing, error.field]
            missing.append(error.field)
            given[root] = "?"
        except TemplateError:
            break
        else:
            break
    return missing


def _one_line(text: str) -> str:
    """A text without line breaks: in an e-mail's header they would start another one."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())

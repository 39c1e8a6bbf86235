"""The meaning of an SMTP server's negative answers.

A table of data, read from the top; the first row that fits decides. Enhanced status codes
(RFC 3463) go before the reply code they stand behind (RFC 2034): `552 5.2.2` is a full mailbox,
`550 5.4.5` a used-up quota. Words decide only where the codes leave it open, and nothing of them
is kept.

Sources: RFC 5321 (reply codes), RFC 3463 with IANA's registry of enhanced status codes, RFC 4954
(login), RFC 3207 (STARTTLS), RFC 6647 (greylisting), and the published texts of Postfix, postgrey,
milter-greylist, rspamd, Gmail, Exchange Online, Outlook.com and Amazon SES.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from madan_sara.activities.sender import as_code
from madan_sara.delivery.waits_in_words import parse_wait

#: Characters of an answer that are read; real ones are shorter.
_MOST_CHARACTERS: Final = 2000
#: The enhanced status code at the start of an answer or of one of its lines.
_ENHANCED: Final = re.compile(r"(?m)^\s*([45]\.\d{1,3}\.\d{1,3})(?!\S)")


class Stage(Enum):
    """The stage at which the server refused."""

    CONNECTING = auto()  #: The greeting, EHLO and STARTTLS.
    LOGIN = auto()  #: AUTH.
    SENDER = auto()  #: RSET and MAIL: the server knows only who we are.
    RECIPIENT = auto()  #: RCPT.
    DATA = auto()  #: DATA: the server has nothing yet.
    CONTENT = auto()  #: The content, which it has not taken.


class Meaning(Enum):
    """The subject of a refusal."""

    REFUSED = auto()  #: This message, for good.
    PUT_OFF = auto()  #: This recipient, for the moment.
    UNAVAILABLE = auto()  #: The account, for the moment.
    MISCONFIGURED = auto()  #: The account, until a human acts.
    WORN = auto()  #: This connection, perhaps; the account where it is a fresh one.


@dataclass(frozen=True)
class SmtpReply:
    """An answer of a server.

    Args:
        code: the three digits; anything else where there were none.
        text: what follows, lines separated by line feeds; it may quote addresses.
    """

    code: int
    text: str


@dataclass(frozen=True)
class NegativeReply:
    """The meaning of an answer, fit to be kept and shown."""

    stage: Stage
    meaning: Meaning
    #: Like `smtp_550_5.1.1`.
    code: str
    #: How long the server asks to wait, if it names a time.
    retry_after: timedelta | None = None


@dataclass(frozen=True)
class _Row:
    """All that is given must fit: codes and classes wholly, words anywhere in the text."""

    meaning: Meaning
    stages: frozenset[Stage] = frozenset(Stage)
    #: 4: for the moment, 5: for good; the enhanced code's where there is one.
    class_: str = "[45]"
    code: str = r"\d+"
    #: "" fits an answer without one.
    enhanced: str = ".*"
    words: str = ""

    def fits(self, stage: Stage, code: str, enhanced: str, words: str) -> bool:
        return (
            stage in self.stages
            and re.fullmatch(self.class_, (enhanced or code)[0]) is not None
            and re.fullmatch(self.code, code) is not None
            and re.fullmatch(self.enhanced, enhanced) is not None
            and re.search(self.words, words) is not None
        )


_CONNECTING: Final = frozenset({Stage.CONNECTING})
_LOGIN: Final = frozenset({Stage.LOGIN})
_SENDER: Final = frozenset({Stage.SENDER})
_MESSAGE: Final = frozenset({Stage.RECIPIENT, Stage.DATA, Stage.CONTENT})
_BEFORE_CONTENT: Final = frozenset({Stage.RECIPIENT, Stage.DATA})
_ANNOUNCING: Final = _SENDER | _BEFORE_CONTENT

#: A sender that may not be used, or a client that may not send: said at RCPT, meant of us.
_OF_US: Final = (
    r"sender address rejected|sender .{0,40}not (owned|authori[sz]ed|allowed)|send ?as ?denied"
    r"|(permissions?|not (allowed|permitted|authori[sz]ed)) to send (as|from)"
    r"|client host rejected|helo command rejected"
)
_RELAYING: Final = (
    r"relay(ing)? (access )?(is )?(denied|not (permitted|allowed)|prohibited)"
    r"|(unable|not (permitted|allowed)) to relay|do not relay"
)
_LOGIN_WANTED: Final = (
    r"authentication (is )?required|not (been )?authenticated|must (first )?authenticate"
    r"|log ?in (is )?required"
)
_BLOCK_LIST: Final = (
    r"client host .*blocked|blocked using|spamhaus"
    r"|(your|the) ip\b.*(block|list|reputation|not autho)|network is on our block ?list"
)
_SENDING_LIMIT: Final = (
    r"(daily|hourly|sending|outbound|outgoing|submission|relay)\s(\w+\s){0,3}(limit|quota)"
    r"|submissionquota|exceeded (the|your) .{0,40}(limit|quota)"
)
_MAILBOX_FULL: Final = (
    r"(mailbox|inbox|user|recipient|account)\b.{0,60}(full|quota|exceed|too (many|much|quickly))"
    r"|full mailbox|quota .{0,30}(mailbox|user|recipient)"
)
_TOO_MUCH: Final = (
    r"\brate\b|throttl|quota|too (many|much|fast|quickly)|limit|(server|system) busy|reputation"
    r"|unusual"
)

_TABLE: Final = (
    # Before there is a message; 432 wants a new password (RFC 4954, 4.7.12 in IANA's list).
    _Row(Meaning.MISCONFIGURED, _LOGIN, code="432"),
    _Row(Meaning.UNAVAILABLE, _LOGIN | _CONNECTING, class_="4"),
    _Row(Meaning.UNAVAILABLE, _CONNECTING, enhanced=r"5\.3\.[125]"),
    _Row(Meaning.MISCONFIGURED, _LOGIN | _CONNECTING, class_="5"),
    # The server closes the connection (RFC 5321, 3.8): for its age, or for all.
    _Row(Meaning.WORN, _ANNOUNCING, code="421"),
    _Row(Meaning.UNAVAILABLE, code="421"),
    # It wants a login or encryption first (RFC 4954, 6; RFC 3207, 4).
    _Row(Meaning.MISCONFIGURED, class_="5", code="53[0458]"),
    # Greylisting (RFC 6647), whatever status stands with it: 4.2.0, 4.7.1, 5.7.1.
    _Row(Meaning.PUT_OFF, _MESSAGE, code="4..", words=r"gr[ea]y ?-?list"),
    # Quotas of the account: Gmail 5.4.5, Exchange Online 5.1.90 and 5.7.705, congestion x.4.5.
    _Row(Meaning.UNAVAILABLE, enhanced=r"[45]\.4\.5|5\.1\.90|5\.7\.705"),
    _Row(Meaning.UNAVAILABLE, words="submissionquota"),
    # A full mailbox is for the moment, though Gmail and Exchange say 552 and 554.
    _Row(Meaning.PUT_OFF, _MESSAGE, enhanced=r"[45]\.2\.2"),
    # Only we are known yet. "Too many on this connection" is said with 450 to 452 as well.
    _Row(Meaning.WORN, _SENDER, class_="4"),
    _Row(Meaning.REFUSED, _SENDER, enhanced=r"5\.6\.7"),
    _Row(Meaning.REFUSED, _SENDER, code="555"),
    _Row(Meaning.UNAVAILABLE, _SENDER, words=_SENDING_LIMIT),
    _Row(Meaning.UNAVAILABLE, _SENDER, enhanced=r"5\.2\.2|5\.3\.[125]"),
    # A dialogue out of step (RFC 5321, 4.2.2), unless the status says what it is about.
    _Row(Meaning.WORN, _SENDER, code="50[023]", enhanced=r"|5\.5\.\d+"),
    _Row(Meaning.MISCONFIGURED, _SENDER, class_="5"),
    # Postfix refuses the sender or the client at RCPT; so do x.1.7, x.1.8
    # (sender's address), x.7.25 (reverse DNS), Exchange 5.7.60 and 5.2.252 (send as).
    _Row(Meaning.UNAVAILABLE, _MESSAGE, class_="4", words=_OF_US),
    _Row(Meaning.MISCONFIGURED, _MESSAGE, class_="5", words=_OF_US),
    _Row(Meaning.UNAVAILABLE, _MESSAGE, enhanced=r"4\.1\.[78]|4\.7\.25"),
    _Row(Meaning.MISCONFIGURED, _MESSAGE, enhanced=r"5\.1\.[78]|5\.7\.(25|60)|5\.2\.252"),
    # The address itself (RFC 3463, 3.2).
    _Row(Meaning.REFUSED, _MESSAGE, enhanced=r"5\.1\.\d+"),
    # Not logged in, or not wanted: Postfix, Exchange 5.7.54; Exchange Online's bans.
    _Row(Meaning.UNAVAILABLE, _BEFORE_CONTENT, class_="4", words=_RELAYING),
    _Row(Meaning.MISCONFIGURED, _BEFORE_CONTENT, class_="5", words=_RELAYING),
    _Row(Meaning.MISCONFIGURED, _BEFORE_CONTENT, class_="5", words=_LOGIN_WANTED),
    _Row(Meaning.MISCONFIGURED, _BEFORE_CONTENT, class_="5", words=_BLOCK_LIST),
    _Row(
        Meaning.MISCONFIGURED,
        _BEFORE_CONTENT,
        enhanced=r"5\.7\.(54|50[1-3]|511|60[6-9]|6[1-4]\d|708|750)",
    ),
    # The mail system of the server (RFC 3463, 3.4); x.3.3 and x.3.4 are about the message.
    _Row(Meaning.UNAVAILABLE, _MESSAGE, enhanced=r"4\.3\.[01256]\d*|5\.3\.[125]"),
    # Words of providers without a status for a quota, first ours, then a mailbox's.
    _Row(Meaning.UNAVAILABLE, _MESSAGE, enhanced=r"|[45]\.[0357]\.[01]", words=_SENDING_LIMIT),
    _Row(Meaning.PUT_OFF, _MESSAGE, enhanced=r"|[45]\.\d\.0", words=_MAILBOX_FULL),
    _Row(Meaning.PUT_OFF, _MESSAGE, code="552", enhanced="", words=r"full|quota|storage|space"),
    # Rates: Exchange Online 4.7.500 to 4.7.699, Gmail 4.7.28, SES "454 4.7.0 Throttling".
    _Row(Meaning.UNAVAILABLE, _MESSAGE, enhanced=r"4\.7\.(28|[5-6]\d\d)"),
    _Row(Meaning.UNAVAILABLE, _MESSAGE, class_="4", enhanced=r"|4\.[057]\.\d+", words=_TOO_MUCH),
    # What is left is put off: mailbox 4.2, route 4.4, policy 4.7 (rspamd greylists with 4.7.1
    # "Try again later"). A code alone: 450 and 451 of the recipient, others of the system.
    _Row(Meaning.PUT_OFF, _MESSAGE, enhanced=r"4\.[124567]\.\d+"),
    _Row(Meaning.PUT_OFF, _MESSAGE, class_="4", code="45[01]|5.."),
    _Row(Meaning.UNAVAILABLE, _MESSAGE, class_="4"),
    _Row(Meaning.WORN, _BEFORE_CONTENT, code="50[023]", enhanced=r"|5\.5\.\d+"),
    _Row(Meaning.REFUSED, class_="5"),
)


def classify(stage: Stage, reply: SmtpReply) -> NegativeReply | None:
    """The meaning of a negative answer; None: it is no negative answer of SMTP.

    Args:
        stage: the stage of the dialogue.
        reply: the server's answer.
    """
    if not 400 <= reply.code < 600:
        return None
    text = reply.text[:_MOST_CHARACTERS]
    found = _ENHANCED.search(text)
    enhanced, code = found.group(1) if found else "", str(reply.code)
    words = _words(text)
    row = next(row for row in _TABLE if row.fits(stage, code, enhanced, words))
    return NegativeReply(stage, row.meaning, _kept(code, enhanced), parse_wait(words))


def _words(text: str) -> str:
    """The text in lower case and one line, without addresses and status codes.

    An address must not decide what its own refusal means: `quota@example.com`.
    """
    prose = _ENHANCED.sub(" ", text)
    return " ".join(word for word in prose.lower().split() if "@" not in word and word[0] != "<")


def _kept(code: str, enhanced: str) -> str:
    """The codes as they may be kept: the enhanced one alone where both have too many digits."""
    for kept in (f"smtp_{code}_{enhanced}", f"smtp_{enhanced}"):
        if enhanced and as_code(kept):
            return kept
    return f"smtp_{code}"

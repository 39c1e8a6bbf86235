"""Whether the code of a bounce or a refusal means that the address is dead."""

import re
from typing import Final

#: An enhanced status code, anywhere in a provider's words. Source: RFC 3463, 2.
_ENHANCED: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
#: A reply code of SMTP at the beginning, or alone. Source: RFC 5321, 4.2.
_REPLY: Final = re.compile(r"(?:smtp[;: ]*)?([245]\d\d)(?![\d.])", re.IGNORECASE)

#: Codes for an address that does not exist any more. Source: the registry of RFC 5248. Of 5.1,
#: the codes 7 and 8 blame the sender's address; of 5.2 only a disabled mailbox is permanent: a
#: full one (5.2.2) is emptied, and a smaller letter (5.2.3) gets in. Refusals of the sender or
#: the text (5.3 to 5.7) say nothing of the mailbox.
_HARD_ENHANCED: Final = frozenset({(0, 0), (2, 1)} | {(1, n) for n in (0, 1, 2, 3, 4, 6, 9, 10)})

#: No such mailbox, or a host that takes no mail. Source: RFC 5321, 4.2.3; RFC 7504, 3 and 4.
_HARD_REPLIES: Final = frozenset({"521", "550", "551", "553", "556"})

#: Vendors' own words and numbers for it, without capitals and what stands between words.
#: Source: the vendors' references of Amazon SES, Resend (Permanent, NoEmail), Postmark
#: (HardBounce, BadEmailAddress), Mailgun (permanent), Twilio (21211, 21614: no mobile number;
#: 30005: unknown handset, 30006: landline) and Vonage (1190: no longer in use).
_HARD_WORDS: Final = frozenset(
    {"hard", "hardbounce", "permanent", "noemail", "bademailaddress"}
    | {"21211", "21614", "30005", "30006", "1190"}
)


def is_hard(code: str | None) -> bool:
    """Whether a bounce is permanent: the address will never take a message.

    The most exact code decides: an enhanced status code, else a reply code, else a vendor's.
    An unknown one is not permanent: the worst result is one more bounce, while a mailbox that is
    given up wrongly is lost in silence.
    """
    said = (code or "").strip()
    if enhanced := _ENHANCED.search(said):
        status, subject, detail = map(int, enhanced.groups())
        return status == 5 and (subject, detail) in _HARD_ENHANCED
    if reply := _REPLY.match(said):
        return reply[1] in _HARD_REPLIES
    words = re.split(r"[/:;,|]", said.casefold())
    return any(re.sub(r"[\W_]", "", word) in _HARD_WORDS for word in words)

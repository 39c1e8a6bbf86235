"""Header fields: a reader shows exactly the text that was written."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from madan_sara.delivery.mail_headers import mailbox_field, text_field, words_field
from tests.unit.delivery.strict_mail import fields_of

_WORDS = ["est", "prêt", "à", "Noël", "où", "Cap-Haïtien", "gâteau", "marché", "forêt", "déjà"]
_WORDS += ["🎉", "très", "kreyòl", "bèl", "fèt", "50", "%", "pain"]
_NAMES = [
    "Zoé",
    "Rose",
    "Marie",
    "Mériadèque",
    "Jean-François",
    "Ñandú",
    "Œdipe",
    "李小龍",
    "x" * 90,
]


def subject_of(text: str) -> str:
    written = text_field("Subject", text)
    assert all(len(line) <= 76 for line in written.split("\r\n"))
    (field,) = fields_of(written.encode("ascii") + b"\r\n")
    assert field.name == "Subject"
    return field.text


@pytest.mark.parametrize("name", _NAMES)
def test_a_long_subject_keeps_its_blanks(name):
    for subject in (
        f"{name}, votre gâteau de Noël est prêt à Cap-Haïtien, venez vite le chercher",
        f"{name}, votre commande de pain est prête",
        f"Bonne fête {name} 🎉🎉🎉 de la part de toute la boulangerie de Jérémie et d'ailleurs",
    ):
        assert subject_of(subject) == subject


def test_made_up_subjects_come_out_as_they_went_in():
    chance = random.Random(92081)
    for _ in range(4000):
        subject = " ".join(chance.choices(_WORDS, k=chance.randint(12, 20)))
        assert subject_of(subject) == subject


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300))
@example("=?utf-8?q?x=0D=0ABcc:_evil@example.com?=")
@example("=?unicode_escape?q?=5Cud800?=")
@example("=?utf-8?b?8J+OiQ==?= =?utf-8?b?8J+OiQ==?=")
@example("two  blanks, and one at the end ")
@example("Il dit\u202f: «\u00a0Venez\u00a0!\u00a0»")
@example("\u202eevil\u202c \u2066x\u2069")
@example("x" * 500)
@example(" ".join(["word"] * 200))
@example("🎉" * 200)
def test_any_text_comes_out_as_it_went_in(text):
    assert subject_of(text) == text


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\x00", "\x0b", "\x85", "\u2028"])
def test_no_text_breaks_out_of_its_field(breaker):
    text = f"Hello{breaker}Bcc: evil@example.com{breaker}{breaker}body"
    assert subject_of(text) == text
    (field,) = fields_of(mailbox_field("From", text, "s@b.test").encode("ascii") + b"\r\n")
    assert field.name == "From"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120))
@example("Chez Ménard")
@example('Shop "Bèl" \\ Co.')
@example("=?utf-8?q?evil?= <evil@example.com>,")
def test_a_display_name_is_a_name_and_no_address(name):
    written = mailbox_field("From", name, "news@shop.test")
    (field,) = fields_of(written.encode("ascii") + b"\r\n")
    assert field.raw.endswith(" <news@shop.test>")
    phrase = field.text.removesuffix(" <news@shop.test>")
    if phrase.startswith('"') and not field.raw.startswith("=?"):
        assert phrase.endswith('"')
        phrase = phrase[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    else:
        # Outside quotes, only atoms and encoded words stand as they are.
        assert not set(field.raw.removesuffix(" <news@shop.test>")) & set('<>()[]:;@\\,."')
    assert phrase == name


@pytest.mark.parametrize("text", ["\ud800", "ok \udfff", "\udc80 é"])
def test_half_a_character_is_an_error_here_and_not_at_the_server(text):
    with pytest.raises(UnicodeEncodeError):
        text_field("Subject", text)
    with pytest.raises(UnicodeEncodeError):
        mailbox_field("From", text, "s@b.test")


def test_words_are_never_parted():
    words = [f"<https://shop.test/{'u' * 200}>,", "<mailto:bye@shop.test>"]
    written = words_field("List-Unsubscribe", words)
    assert written == f"List-Unsubscribe: {words[0]}\r\n {words[1]}\r\n"

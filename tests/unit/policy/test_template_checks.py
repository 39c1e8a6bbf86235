"""Violations of templates before a recipient gets them, and the short cut for plain ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.policy import templates
from madan_sara.policy.template_language import MAX_PLAIN_VALUES, plain_fields
from madan_sara.policy.templates import (
    TemplateError,
    check_content,
    check_fields,
    check_templates,
    render,
)
from tests.unit.policy.builders import profile

KNOWN = ("name", "city")


def violations_of(template: object) -> list[str]:
    content = MessageContent.model_validate({"email": template})
    return check_templates(content) + check_fields(content, KNOWN)


@pytest.mark.parametrize(
    "template",
    [
        "Bonjou {{ name }}, {{ city | upcase }}",
        "{% assign town = city %}{{ town }}{% for i in (1..3) %}{{ forloop.index }}{% endfor %}",
        "{% if name %}{{ name }}{% endif %}{{ city | default: 'you' }}",
        {"subject": "{{ name }}", "html": "<p>{{ city }}</p>"},
    ],
)
def test_templates_may_name_known_fields(template):
    assert violations_of(template) == []


@pytest.mark.parametrize(
    ("template", "path", "name"),
    [
        ("{{ nme }}", "email", "nme"),
        ("{{ nme.first }}", "email", "nme"),
        ("{% if nme %}x{% endif %}", "email", "nme"),
        ("{{ nme | default: 'x' }}", "email", "nme"),
        ("{% for i in nme %}x{% endfor %}", "email", "nme"),
        ("{{ now }}", "email", "now"),
        ({"subject": "{{ nme }}", "text": "x"}, "email.subject", "nme"),
        ({"subject": "x", "text": "{{ nme }}"}, "email.text", "nme"),
        ({"subject": "x", "html": "{{ nme }}"}, "email.html", "nme"),
    ],
)
def test_an_unknown_field_is_named_with_its_template(template, path, name):
    (violation,) = violations_of(template)
    assert violation == (
        f"{path}: names the field {name!r}, which recipients need not bring; "
        "add it to recipient_fields, or use one of name, city"
    )


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ name", "email: is no valid template"),
        ("\n{% if %}", "email: is no valid template: missing expression (line 2)"),
        ("{{ name | shout }}", "email: is no valid template: there is no filter 'shout'"),
        ("{% for i in (1..9999999) %}x{% endfor %}", "email: is no valid template: a range takes"),
    ],
)
def test_a_template_that_cannot_be_parsed_says_why(template, said):
    (violation,) = violations_of(template)
    assert said in violation


def test_every_template_is_looked_at():
    content = MessageContent.model_validate({"email": "{{ a }}{{ b }}", "default": "{{ c"})
    assert [violation.split(":")[0] for violation in check_templates(content)] == ["default"]
    assert [violation.split(":")[0] for violation in check_fields(content, ())] == [
        "email",
        "email",
    ]


@pytest.mark.parametrize(
    "nothing",
    [
        "   ",
        "{% comment %}x{% endcomment %}",
        "{% if name %} {% else %}\n{% endif %}",
        "{% capture town %}{{ city }}{% endcapture %}",
    ],
)
def test_a_template_that_says_nothing_is_found(nothing):
    said = "says nothing to any recipient; write a text"
    assert violations_of(nothing) == [f"email: {said}"]
    assert violations_of({"subject": "x", "html": nothing}) == [f"email.html: {said}"]


@pytest.mark.parametrize(
    "something", ["{{ name }}", "{% if name %}x{% endif %}", "{% raw %}{{ x }}{% endraw %}"]
)
def test_a_template_that_says_something_is_not(something):
    assert violations_of(something) == []


_PIECES = st.sampled_from(
    [
        "{{ name }}",
        "{{name}}",
        "{{ points }}",
        "{{ vip }}",
        "{{ missing }}",
        "{{ bio }}",
        "{{- name -}}",
        "{{ name | upcase }}",
        "{{ name.first }}",
        "{{ nil }}",
        "{{ 'x' }}",
        "{{ name",
        "{% if name %}x{% endif %}",
        "{# x #}",
        "}}",
        "{",
        "Bonjou ",
        " ",
        "\n",
        "é" * 1_000,
    ]
)


@settings(deadline=None)
@given(
    st.lists(_PIECES, max_size=8).map("".join),
    st.sampled_from(["", " ", "Jane", "<b>&\"'", "x" * MAX_PLAIN_VALUES, "&" * 200_000]),
)
def test_the_short_cut_for_plain_templates_agrees_with_filling_in(source, bio):
    attributes = {"points": 7, "vip": False, "bio": bio}
    jane = profile(name="Jane", attributes=attributes)
    try:
        content = MessageContent.model_validate({"email": source})
    except ValueError:
        return
    assert bool(check_content(content, jane, [Channel.EMAIL])) == fails(source, jane)


def fails(source: str, who: RecipientProfile) -> bool:
    try:
        render(source, who)
    except TemplateError:
        return True
    return False


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("Bonjou {{ name }}, {{ city }}!", {"name", "city"}),
        ("Bonjou!", set()),
        ("{{ name }}", None),
        ("Bonjou {{ name | upcase }}", None),
        ("Bonjou {% if name %}{{ name }}{% endif %}", None),
        ("Bonjou {{ name", None),
        ("x" + "{{ bio }}" * 51, None),
        ("x" * 100_001 + "{{ bio }}", None),
    ],
)
def test_only_text_with_bare_fields_is_plain(source, names):
    assert plain_fields(source, html=False) == (None if names is None else frozenset(names))


def test_a_plain_template_is_not_filled_in_to_be_checked(monkeypatch):
    """An audience has hundreds of thousands: see `benchmarks.importing`."""
    monkeypatch.setattr(templates, "_fill", None)
    content = MessageContent.model_validate({"email": {"subject": "{{ name }}!", "text": "Hi"}})
    assert check_content(content, profile(name="Jane"), [Channel.EMAIL]) == []


def test_a_default_for_several_channels_is_checked_once(monkeypatch):
    filled = []
    monkeypatch.setattr(templates, "_fill", lambda part, fields: filled.append(part.source))
    content = MessageContent.model_validate({"default": "Hi {{ name | upcase }}"})
    check_content(content, profile(name="Jane"), [Channel.EMAIL, Channel.SMS, Channel.CHAT])
    assert filled == ["Hi {{ name | upcase }}"]

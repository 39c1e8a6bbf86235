import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import EmailContent, MessageContent, RenderedMessage
from madan_sara.contracts.recipient import ContactInfo, RecipientProfile
from madan_sara.policy.template_checks import MAX_ITERATIONS
from madan_sara.policy.template_language import _HTML, parse
from madan_sara.policy.templates import (
    MAX_REPORTED_FIELDS,
    TemplateError,
    check_content,
    comparable_text,
    render,
)
from tests.unit.policy.builders import profile

HOSTILE = "<script>alert('x')</script>\"&lt;b&gt;"
JANE = profile(
    name="Jane Smith",
    attributes={"points": 7, "vip": False, "partial": "some", "long": "a" * 90_000},
)


def text_of(template: str, who: RecipientProfile = JANE) -> str:
    return render(template, who).text


def violation_of(template: str, who: RecipientProfile = JANE) -> str:
    with pytest.raises(TemplateError) as caught:
        render(template, who)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_fills_in_fields_and_attributes():
    assert text_of("Hi {{ name }}! {{points}} {{ vip }} {{ partial }}") == (
        "Hi Jane Smith! 7 false some"
    )
    assert text_of("{{ name | split: ' ' | first | upcase }}") == "JANE"
    assert text_of("{% for i in (1..3) %}{{ i }}{% endfor %}") == "123"
    assert text_of("{{ '2026-11-30' | date: '%d.%m.%Y' }}") == "30.11.2026"


@pytest.mark.parametrize(
    "template",
    [
        "{{ x }}",
        "{{ x | upcase }}",
        "{{ x | times: 2 }}",
        "{{ 2 | plus: x }}",
        "{{ 'a' | append: x }}",
        "{% for i in x %}a{% endfor %}",
        "{{ x.y }}",
    ],
)
def test_a_missing_field_is_a_violation(template):
    assert violation_of(template) == "names the field 'x', which this recipient does not have"


def test_a_missing_field_may_be_tested_and_defaulted():
    assert text_of("{% if x %}{{ x }}{% else %}you{% endif %}") == "you"
    assert text_of("{{ x | default: 'you' }}") == "you"


@pytest.mark.parametrize("name", ["now", "today"])
def test_the_clock_is_not_a_field(name):
    assert f"'{name}'" in violation_of(f"{{{{ {name} }}}}")
    assert "filter" in violation_of(f"{{{{ '{name}' | date: '%Y' }}}}")
    assert "filter" in violation_of("{{ '10:00' | date: '%Y' }}")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a\n{% if %}", "missing expression (line 2)"),
        ("{{ name", "no valid template"),
        ("{% include 'x' %}", "unexpected tag 'include'"),
        ("{{ name | nope }}", "no filter 'nope'"),
        ("{% if x %}{{ name | safe }}{% endif %}a", "no filter 'safe'"),
        ("{% if points > 9 %}Hi{% endif %}", "says nothing"),
        (" \n ", "says nothing"),
        ("{{ name | divided_by: 0 }}", "a value it cannot work with"),
        ("{{ name | slice: name }}", "a value it cannot work with"),
        ("{{ '1e999' | ceil }}", "needs a number"),
    ],
)
def test_violations_are_one_sentence_without_values(template, said):
    assert said in violation_of(template)
    assert "Jane" not in violation_of(template)


DOUBLED = (
    "-{% assign x = 'abcdefgh' %}{% for i in (1..900) %}{% assign x = x | append: x %}{% endfor %}"
)


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in (1..9) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}",
        DOUBLED,
        DOUBLED.replace("append: x", "split: '' | join: x"),
        DOUBLED.replace("append: x", "replace: 'a', x"),
        DOUBLED.replace("'abcdefgh'", "99").replace("append", "times"),
        "{{ long | replace: 'a', long }}",
        "{{ 9999999999999999 | times: 9999999999999999 }}",
        "{% for i in (1..900) %}" + "x" * 9_000 + "{% endfor %}",
        "{% if name %}" * 40 + "x" + "{% endif %}" * 40,
    ],
)
def test_a_template_cannot_run_away(template):
    assert "takes too long or grows too large" in violation_of(template)


@pytest.mark.parametrize(
    "template",
    [
        f"{{% for i in (1..{MAX_ITERATIONS + 1}) %}}x{{% endfor %}}",
        "{% for i in (1..99999999999) offset: 99999999998 %}x{% endfor %}",
        "{% for i in (1..points) %}x{% endfor %}",
        "{{ (1..99999999999) | join: ',' }}",
        "{% assign r = (1..99999999999) %}{% if r contains 'a' %}x{% endif %}",
        "{% for i in (0..1) %}{% for j in (1..99999999999) reversed %}{% endfor %}{% endfor %}",
    ],
)
def test_long_ranges_are_refused_before_they_are_walked(template):
    assert "a range takes" in violation_of(template)


def test_deep_expressions_are_refused():
    assert violation_of("{% if " + " and ".join(["name"] * 5000) + " %}x{% endif %}")


def email(**parts: Any) -> EmailContent:
    return EmailContent(**{"subject": "s", "html": "h", **parts})


def test_html_escapes_values_and_text_does_not():
    who = profile(name=HOSTILE)
    message: Any = render(
        email(text="{{ name }}", html="<p title='{{ name }}'>{{ name }}</p>"), who
    )
    assert message.text == HOSTILE
    assert "<script" not in message.html
    assert message.html.count("&lt;script&gt;") == 2
    assert message.html.count("'") == 2


@pytest.mark.parametrize("filter_name", sorted(_HTML.filters))
def test_no_filter_lets_markup_through(filter_name):
    who = profile(name=HOSTILE, attributes={"quoted": "%3Cscript%3E", "entity": "&lt;script&gt;"})
    for field in ("name", "quoted", "entity"):
        for value in (field, f"{field} | escape", f"{field} | split: ''"):
            for arguments in (
                "",
                ": 'a'",
                f": {field}",
                f": 'a', {field}",
                f": {field}, 'a'",
                ": 3",
            ):
                direct = f"{{{{ {value} | {filter_name}{arguments} }}}}"
                caught = (
                    f"{{% capture c %}}{{{{ {field} }}}}{{% endcapture %}}"
                    f"{{{{ c | {filter_name}{arguments} }}}}"
                )
                for template in (direct, caught):
                    try:
                        html = render(email(html="-" + template), who).html or ""
                    except TemplateError:
                        continue
                    assert "<" not in html.replace("<br />", "")


@given(
    st.text(min_size=1, max_size=40).filter(
        lambda name: name.strip() and not {"\0", "\r"} & set(name)
    )
)
@settings(max_examples=80, deadline=None)
def test_names_are_never_read_as_templates_or_markup(name):
    who = profile(attributes={"who": "{{ name }}{% if %}" + name})
    message: Any = render(email(subject="{{ who }}", text="{{ who }}", html="{{ who }}"), who)
    assert message.text == "{{ name }}{% if %}" + name
    assert "<" not in message.html
    assert len(message.subject.splitlines()) == 1


def test_a_subject_is_one_line():
    who = profile(attributes={"x": "a\r\nBcc: everyone@example.com\u2028b"})
    assert render(email(subject="{{ x }} \n c"), who).subject == "a Bcc: everyone@example.com b c"


def test_an_email_with_one_body():
    assert render(email(html="<b>{{ points }}</b>"), JANE) == RenderedMessage(
        text="", subject="s", html="<b>7</b>"
    )
    assert render(email(html=None, text="t"), JANE).html is None
    assert render("Hi", JANE).subject is None


def reported(template):
    """The fields a check of the content says are missing, each once."""
    violations = check_content(MessageContent({Channel.EMAIL: template}), JANE, [Channel.EMAIL])
    named = (re.search(r"names the field '([^']+)'", violation) for violation in violations)
    return list(dict.fromkeys(match[1] for match in named if match))


def test_missing_fields_are_all_found_and_absent_ones_may_be_handled():
    template = email(
        subject="{{ a }}", html="{{ b }}{{ a }}{% if c %}{{ c }}{% endif %}{{ d | default: 1 }}"
    )
    assert reported(template) == ["a", "b"]
    assert reported("{{ points }}") == []
    assert reported("{{ name.first }} {{ z.y }}") == ["name.first"]
    many = "".join(f"{{{{ f{number} }}}}" for number in range(100))
    assert len(reported(many)) == MAX_REPORTED_FIELDS


def test_check_content_reports_every_violation_of_the_channels_in_question():
    content = MessageContent(
        {
            "email": email(subject="{{ first_name }}", html="{{ name"),
            "sms": "{{ city }} {{ street }}",
            "twitter": "{{ unseen }}",
            "default": "{{ unit }}",
        }
    )
    who = profile(contact_info=ContactInfo(email="a@example.com", phone="+12025550123"))
    asked = [Channel.EMAIL, Channel.SMS, Channel.WHATSAPP, Channel.TWITTER]
    unread = "is no valid template: {{ is not followed by }} within 1,000 characters (line 1)"
    assert check_content(content, who, asked) == [
        "content.email.subject: names the field 'first_name', which this recipient does not have",
        f"content.email.html: {unread}",
        "content.sms: names the field 'city', which this recipient does not have",
        "content.sms: names the field 'street', which this recipient does not have",
        "content.default: names the field 'unit', which this recipient does not have",
    ]
    assert check_content(content, who, [Channel.TWITTER]) == []
    assert check_content(MessageContent({"sms": "ok"}), who, asked) == []


def test_comparable_text():
    html = (
        "<html><head><title>T</title><style>p {}</style></head>"
        "<p>Caf&eacute; <b>now</b></p>\n<script>if (a < b) c()</script><p>open"
    )
    assert comparable_text(RenderedMessage(text="plain", html=html)) == "plain"
    assert comparable_text(RenderedMessage(text="", html=html)) == "Café now open"
    assert comparable_text(RenderedMessage(text="")) == ""


def test_templates_are_parsed_once_and_shared_by_threads():
    source = "{% assign x = name %}{% for i in (1..20) %}{{ x }}{% cycle 'a', 'b' %}{% endfor %}"
    assert parse(source, html=False) is parse(source, html=False)
    assert parse(source, html=False) is not parse(source, html=True)
    people = [profile(name=f"P{number}") for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda who: render(source, who).text, people))
    assert texts == [f"{who.name}a{who.name}b" * 10 for who in people]

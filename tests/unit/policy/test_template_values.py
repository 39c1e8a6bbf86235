"""Numbers, times and comparisons in templates: right, or refused; and no value in a violation."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.policy.template_filters import _CALCULATING
from madan_sara.policy.templates import TemplateError, check_content, check_templates, render
from tests.unit.policy.builders import profile

NO_NUMBERS = [
    "1250,50",
    "1 200",
    "N/A",
    "",
    "nan",
    "inf",
    "1e99",
    "0x10",
    "1_000",
    "٣",
    True,
    False,
]


@pytest.mark.parametrize("name", sorted(_CALCULATING))
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_is_refused_and_never_taken_for_zero(name, value):
    argument = "" if name in ("abs", "ceil", "floor", "round") else ": 1"
    for template in (
        f"Ou dwe {{{{ montan | {name}{argument} }}}} goud",
        f"Ou dwe {{{{ 7 | {name}: montan }}}} goud",
    ):
        violation = violation_of(template, montan=value)
        if "no valid template" not in violation:
            assert f"the filter {name!r} needs a number, written like 1250.50" in violation
        assert not str(value).strip() or str(value) not in violation


def test_a_sum_of_other_values_than_numbers_is_refused():
    assert "'sum' needs a number" in violation_of("{{ x | split: ';' | sum }}", x="1250,50;1")
    assert text_of("{{ x | split: ';' | sum }}", x="1250.50;1") == "1251.5"


@pytest.mark.parametrize(
    ("template", "x", "text"),
    [
        ("{{ x | plus: 0.5 }}", "1250.50", "1251.0"),
        ("{{ x | minus: 1 }}", " 80 ", "79"),
        ("{{ x | times: 2 }}", -3, "-6"),
        ("{{ x | round: 1 }}", "2.25e1", "22.5"),
        ("{{ x | at_most: 100 }}", "+250", "100"),
    ],
)
def test_a_text_that_is_a_number_is_calculated_with(template, x, text):
    assert text_of(template, x=x) == text


@pytest.mark.parametrize(
    ("condition", "x", "holds"),
    [
        ("x > 50", "80", True),
        ("x >= 80", "80", True),
        ("x <= 9", "80", False),
        ("x < '9'", "80", False),
        ("x == 80", "80.0", True),
        ("x != 80", "80", False),
        ("x == 80", "many", False),
        ("x == '080'", "80", False),
        ("x < '2026-12-01'", "2026-11-30", True),
        ("x == true", True, True),
        ("y > 1", "80", False),
        ("x == empty", "", True),
    ],
)
def test_numbers_are_compared_as_numbers_and_texts_as_texts(condition, x, holds):
    template = f"{{% if {condition} %}}yes{{% else %}}no{{% endif %}}"
    assert text_of(template, x=x) == ("yes" if holds else "no")


def test_a_case_compares_as_an_if_does():
    assert text_of("{% case x %}{% when 7, 80 %}yes{% else %}no{% endcase %}", x="80") == "yes"


@pytest.mark.parametrize("comparison", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("x", ["1250,50", "N/A", True])
def test_a_number_is_not_compared_with_another_type(comparison, x):
    violation = violation_of(f"{{% if x {comparison} 100 %}}a{{% else %}}b{{% endif %}}", x=x)
    assert "a comparison needs two numbers" in violation
    assert str(x) not in violation


@given(st.integers(-(10**20), 10**20), st.integers(-(10**20), 10**20))
def test_numbers_calculate_and_compare_the_same_as_texts(one, other):
    shown = "{{ x | plus: y }} {% if x < y %}1{% endif %}{% if x == y %}2{% endif %}"
    assert text_of(shown, x=one, y=other) == text_of(shown, x=str(one), y=str(other))


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'now' | date }}",
        "{{ 'now' | date: '%Y' }}",
        "{{ 'today' | date: '%Y' }}",
        "{{ name | date: '%s' }}",
        "{{ name | date: '%c' }}",
        "{{ name | date: '%9999999d' }}",
        "{{ name | date: '%' }}",
        "{{ name | upcase: 1 }}",
        "{{ name | plus: 'ten' }}",
        "{{ name | plus }}",
        "{{ name | replace: sub: 'a', seq: 'b' }}",
        "{{ 'a,b' | split: ',' | first | plus: 1 }}",
        "{% if 'a' > 1 %}x{% else %}y{% endif %}",
        "{{ 1 | divided_by: 0 }}",
        "{{ x | round: -2 }}",
        "{{ [name] }}",
    ],
)
def test_what_no_row_can_fill_does_not_pass_a_check_without_rows(template):
    content = MessageContent.model_validate({"sms": template})
    assert check_templates(content) != []
    assert check_content(content, profile(name="Jane"), [Channel.SMS]) != []


def test_dates_do_not_depend_on_the_machine(monkeypatch):
    pattern = "{{ '2026-03-05T18:30:00-05:00' | date: '%-d %B %Y, %H:%M %z %e' }}"
    texts = set()
    for zone in ("UTC", "America/New_York", "Pacific/Auckland"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        texts.add(text_of(pattern))
    monkeypatch.undo()
    time.tzset()
    assert texts == {"5 March 2026, 18:30 -0500  5"}


SECRET = "Wozalin Kretyen"


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("{{ town[name] }}", "town"),
        ("{{ name[name] }}", "name[name]"),
        ("{{ points.of[name].now }}", "points.of[name].now"),
        ("{% assign a = 'x,y' | split: ',' %}{{ a[name] }}", "a[name]"),
        ("{% assign a = 'x,y' | split: ',' %}{{ a[points] }}", "a[points]"),
        ("{% if true %}{{ name.first }}{% endif %}", "name.first"),
        ("{{ name | plus: 1 }}", None),
        ("{{ name | date: '%Y' }}", None),
        ("{{ 'x' | truncate: name }}", None),
        ("{{ 'x' | slice: name }}", None),
        ("{% for i in name limit: name %}x{% endfor %}", None),
        ("{% if name > 5 %}x{% else %}y{% endif %}", None),
        ("{{ name | concat: name }}", None),
        ("{{ name | split: '' | sum }}", None),
    ],
)
def test_a_violation_names_fields_as_they_are_written_and_no_values(template, named):
    who = profile(name=SECRET, attributes={"points": 700700})
    with pytest.raises(TemplateError) as caught:
        render(template, who)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    content = MessageContent.model_validate({"email": template})
    said = " ".join([str(caught.value), *check_content(content, who, [Channel.EMAIL])])
    assert not [part for part in (*SECRET.split(), "700700") if part in said]
    if named is not None:
        assert f"names the field {named!r}" in said


def test_amounts_of_an_export_with_decimal_commas_are_refused_row_by_row():
    """Two rows of a French export, of which one says 1250,50 and one N/A."""
    rows = (Path(__file__).parent / "data" / "decimal_commas.csv").read_text().splitlines()[1:]
    content = MessageContent.model_validate(
        {"email": "Ou dwe {{ montan | plus: 0 }} goud. Ou gen {{ pwen | plus: 10 }} pwen."}
    )
    for row in rows:
        _, _, montan, pwen = row.split(";")
        who = profile(name="Jane", attributes={"montan": montan, "pwen": pwen})
        (violation,) = check_content(content, who, [Channel.EMAIL])
        assert "uses a filter on a value it cannot work with: the filter 'plus'" in violation


def text_of(template: str, **fields: str | float | bool) -> str:
    return render(template, profile(name="Jane", attributes=fields)).text


def violation_of(template: str, **fields: str | float | bool) -> str:
    with pytest.raises(TemplateError) as caught:
        text_of(template, **fields)
    return str(caught.value)

"""No template takes for ever: work is counted, and too much of it is refused.

How long it takes is not asserted: each of these would run for seconds to hours, or take the
machine's memory, if it were not stopped.
"""

import pytest

from madan_sara.contracts.content import MessageContent
from madan_sara.policy.template_language import _TEXT
from madan_sara.policy.template_work import MAX_CODE_CHARACTERS, MAX_RAW_BLOCKS, MAX_TAG_CHARACTERS
from madan_sara.policy.templates import TemplateError, check_templates, render
from tests.unit.policy.builders import profile

#: A person's fields can be as hostile as a template.
HOSTILE = {
    "a": "a" * 60_000,
    "blanks": " " * 60_000 + "x",
    "words": "ab " * 30_000,
    "angles": "<" * 60_000,
    "tail": "b" + "a" * 30_000,
}
HOST = profile(name="Jane", attributes=HOSTILE)
ROUNDS = "-{% for i in (1..1000) %}"
CHANGED = "{% ifchanged %}"
GRID = "{% for i in (1..31) %}{% for j in (1..31) %}"
DOUBLED = (
    "{% assign x = a | split: 'zz' %}"
    "{% for i in (1..17) %}{% assign x = x | concat: x %}{% endfor %}"
)
WHEN = "{% case 1 %}{% when 1,1,1,1,1,1,1,1,1,1 %}"


@pytest.mark.parametrize(
    "template",
    [
        "{{ words | split: ' ' | uniq | size }}",
        "-" + GRID + "{% assign x = words | split: ' ' | sort | join %}{% endfor %}{% endfor %}",
        ROUNDS + "{% assign x = blanks | squish %}{% endfor %}",
        ROUNDS + "{% assign x = angles | strip_html %}{% endfor %}",
        ROUNDS + "{% assign x = tail | replace_last: a, 'x' %}{% endfor %}",
        ROUNDS + "{% if words contains tail %}{% endif %}{% endfor %}",
        ROUNDS + "{% if a == words %}{% endif %}{% endfor %}",
        ROUNDS + "{% if i > 0 %}{% endif %}" * 500 + "{% endfor %}",
        ROUNDS + "{% if (1..1000) contains 'a' %}{% endif %}{% endfor %}",
        ROUNDS + "{% capture c %}{{ a }}{% endcapture %}{% endfor %}",
        ROUNDS + CHANGED * 15 + "{{ i }}{{ a }}" + "{% endifchanged %}" * 15 + "{% endfor %}",
        ROUNDS + "{% cycle a, words, tail %}{% endfor %}",
        ROUNDS + "{% increment n %}" * 300 + "{% endfor %}",
        ROUNDS + "{{ 1 " + "| plus: 1" * 90 + " }}{% endfor %}",
        "{% for i in (1..999) %}{% for j in (1..1) %}x{% endfor %}{% endfor %}" * 200,
        "-" + WHEN * 15 + "x" + "{% endcase %}" * 15,
        "-" + "".join(f"{{% assign a{n} = 1 %}}" for n in range(700))
        + "{% for i in (1..1000) %}{% assign b = i %}{% endfor %}",
        DOUBLED + "{{ x }}",
        DOUBLED + "{{ x | join: '' }}",
    ],
)  # fmt: skip
def test_work_of_every_kind_is_counted(template):
    assert "takes too long or grows too large" in violation_of(template)


@pytest.mark.parametrize("name", sorted(_TEXT.filters))
@pytest.mark.parametrize("value", [*HOSTILE, "words | split: ' '", "(1..1000)"])
def test_no_filter_can_be_repeated_for_ever(name, value):
    """Each is used on each value as often as its price allows, with one argument and without."""
    for argument in ("", ": tail", ": 'a', a"):
        used = f"{{% assign x = {value} %}}{ROUNDS}{{% assign y = x | {name}{argument} %}}"
        try:
            render(used + "{% endfor %}", HOST)
        except TemplateError:
            continue


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{" * 90_000, "{{ is not followed by }}"),
        ("{%" * 90_000, "{% is not followed by %}"),
        ("x\n{% if name" + " " * MAX_TAG_CHARACTERS + "%}", "characters (line 2)"),
        ("{{ name }}" * (MAX_CODE_CHARACTERS // 8 + 1), "too many tags"),
        ("{% raw %}" * (MAX_RAW_BLOCKS + 1) + "{% endraw %}", "too many tags"),
        ("{% liquid\n echo name %}", "unexpected tag 'liquid'"),
    ],
)
def test_a_template_that_takes_long_to_read_is_refused_unread(template, said):
    (violation,) = check_templates(MessageContent.model_validate({"sms": template}))
    assert said in violation
    assert said in violation_of(template)


def test_what_people_write_is_far_below_the_limits():
    calendar = (
        "{% for week in (0..5) %}{% for day in (1..7) %}{{ week | times: 7 | plus: day }} "
        "{% endfor %}{% endfor %}"
    )
    assert len(render(calendar * 10, HOST).text.split()) == 420
    letter = "<p>{{ name | upcase | default: 'you' }}</p>{% if name %}x{% endif %}" + "y" * 2_000
    assert render(letter * 50, HOST).text.count("JANE") == 50


def violation_of(template: str) -> str:
    with pytest.raises(TemplateError) as caught:
        render(template, HOST)
    return str(caught.value)

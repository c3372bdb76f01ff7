"""Templates: strict about what is missing, deaf to everything that is not plain words."""

import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flireo_flows.leads import Wishes
from flireo_flows.script import ComposeError, LeadFacts, ScriptError, Template, variables
from flireo_flows.script.template import LONGEST_TEXT
from tests.support.calling.scripts import SANNE, patient


def said(text: str, facts: LeadFacts = SANNE) -> str:
    return Template.read(text, "first_message").render(variables(facts))


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("Hi there.", "Hi there."),
        ("Hi {{ name }}, in {{City}} or {{ city }}", "Hi Sanne de Wit, in Utrecht or Utrecht"),
        ("{{ name | first_word }} on {{ appointment_day | upper }}", "Sanne on MONDAY"),
        ("{{ note | default('nothing') }} {{ nowhere | d(city) }}", "nothing Utrecht"),
        ("{% if note is defined %}{{ note }}{% elif city == 'Utrecht' %}U{% else %}E{% endif %}", "U"),
        ("{{ 'home' if city in ('Utrecht', 'Zeist') else 'away' }}", "home"),
        ("{{ city ~ '-' ~ product | replace(' ', '_') }}", "Utrecht-solar_panels"),
        ("{% raw %}{{ theirs }}{% endraw %}{# not said #}", "{{ theirs }}"),
        ("{% if city is defined and not city == 'Zeist' %}ok{% endif %}", "ok"),
        ("https://example.org/?q={{ product | urlencode }}", "https://example.org/?q=solar%20panels"),
    ],
)
def test_columns_are_filled_in(template: str, words: str) -> None:
    assert said(template) == words


def test_name_and_language_are_known_whatever_the_columns_are_called() -> None:
    facts = replace(SANNE, wishes=Wishes(language="nl"))
    assert said("{{ name }} {{ language }}", facts) == "Sanne de Wit nl"
    assert said("{{ name }}", replace(SANNE, columns={"name": "Ms de Wit"})) == "Ms de Wit"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("Hi\n{{ note }}", "first_message, line 2: the variable 'note' is empty in this row"),
        ("{{ citty }}", "first_message, line 1: the variable 'citty' is no column of the file"),
        ("{% if note %}x{% endif %}", "'note' is empty in this row and has no default"),
        ("{% if note == 'a' %}x{% endif %}", "'note' is empty"),
        ("{% if 'a' == note %}x{% endif %}", "'note' is empty"),
        ("{% if note in ('a', 'b') %}x{% endif %}", "'note' is empty"),
        ("{{ note | upper }}", "'note' is empty"),
        ("{{ note | first_word }}", "'note' is empty"),
        ("{{ note | urlencode }}", "'note' is empty"),
        ("{{ 'a' ~ note }}", "'note' is empty"),
        ("{{ nowhere | default(note) }}", "'note' is empty"),
        ("{{ phone }}", "'phone' is the lead's phone number, which no words may hold"),
        ("{% if city < 3 %}x{% endif %}", "first_message: it says or compares what is no text"),
        ("{{ city == 'Utrecht' }}", "first_message: it says or compares what is no text"),
        ("{{ none }}", "first_message: it says or compares what is no text"),
        ("{{ nope|default(none)|upper }}", "first_message: it says or compares what is no text"),
        ("{{ nope|d(true)|title }}", "first_message: it says or compares what is no text"),
        ("{{ (city == 'x')|replace('F', 'f') }}", "first_message: it says or compares what is no text"),
        ("{{ true|first_word }}", "first_message: it says or compares what is no text"),
        ("{{ city ~ None }}", "first_message: it says or compares what is no text"),
        ("{{ ('a' ~ (city is defined))|lower }}", "first_message: it says or compares what is no text"),
    ],
)
def test_what_is_missing_is_an_error_that_names_it_and_no_value(template: str, problem: str) -> None:
    with pytest.raises(ComposeError) as refused:
        said(template)
    assert problem in str(refused.value)
    assert "Utrecht" not in str(refused.value)
    assert "1234501" not in str(refused.value)


@pytest.mark.parametrize(
    "written", ["+31201234501", "0031 20 123 45 01", "+31 (0)20-1234501", "020 1234501", "1234501"]
)
def test_the_leads_own_number_is_never_spoken_however_it_is_written(written: str) -> None:
    facts = replace(SANNE, columns={"call me": written})
    with pytest.raises(ComposeError, match="phone number, which no words may hold"):
        said("{{ call_me }}", facts)


def test_two_headers_of_one_plain_form_stand_for_neither_of_them() -> None:
    facts = replace(
        SANNE, columns={"Unit Price": "10", "unit-price": "12", "first name": "A", "first_name": "B"}
    )
    with pytest.raises(ComposeError, match="may be either of two columns"):
        said("{{ unit_price }}", facts)
    assert said("{{ first_name }}", facts) == "B"


ESCAPES = [
    "{{ name.__class__ }}",
    "{{ name['__class__'] }}",
    "{{ name.format(1) }}",
    "{{ '%s'|format(name) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 'x' * 10**9 }}",
    "{{ 9**9**9 }}",
    "{{ -1 }}",
    "{{ name + name }}",
    "{{ range(10**9) }}",
    "{{ cycler('a').next() }}",
    "{{ ()|attr('__class__') }}",
    "{{ name|map('upper')|list }}",
    "{{ name|center(1000000000) }}",
    "{{ name|replace('a', name) }}",
    "{{ name|replace('a', 'b', 3) }}",
    "{{ name|upper(1) }}",
    "{{ name|upper(*name) }}",
    "{{ name|default(value='x') }}",
    "{{ name is callable }}",
    "{{ name is sameas(name) }}",
    "{{ 'a' if name }}",
    "{{ name, product }}",
    "{{ [name] }}",
    "{{ {'a': name} }}",
    "{{ self }}",
    "{% set x = name %}",
    "{% for letter in name %}{{ letter }}{% endfor %}",
    "{% macro m() %}{% endmacro %}",
    "{% filter upper %}{{ name }}{% endfilter %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block b %}{% endblock %}",
    "{% with x = name %}{% endwith %}",
    "{% call x() %}{% endcall %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% do name %}",
    "{{ name",
    "{% if name %}",
    "{{ }}",
    "{{ " + "(" * 5000 + "name" + ")" * 5000 + " }}",
    "{{ " + "not " * 4000 + "name }}",
    "{{ name" + "|upper" * 500 + " }}",
    "{% if name %}" * 200 + "{% endif %}" * 200,
    "{{ " + "9" * 6000 + " }}",
    "x" * 20_001,
]


@pytest.mark.parametrize("template", ESCAPES, ids=lambda template: template[:40])
def test_what_is_more_than_words_is_refused_when_the_template_is_read(template: str) -> None:
    with pytest.raises(ScriptError, match=r"^first_message(, line \d+)?: .+") as refused:
        Template.read(template, "first_message")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("template", "advice"),
    [
        ("{{ name.title() }}", "a call with ( ) is not allowed; use variables, if, and filters"),
        ("a\nb {{ name|shout }}", "line 2: there is no filter 'shout'; there are capitalize, d, default"),
        ("{{ name|replace('a') }}", "the filter 'replace' takes two texts in quotation marks"),
        ("{{ name is even }}", "there is no test 'even'; there are defined, undefined"),
    ],
)
def test_a_refusal_names_what_can_be_used_instead(template: str, advice: str) -> None:
    with pytest.raises(ScriptError) as refused:
        Template.read(template, "first_message")
    assert advice in str(refused.value)


def test_what_comes_out_is_bounded() -> None:
    long = replace(SANNE, columns={"x": "y" * LONGEST_TEXT})
    assert said("{{ x }}", long) == "y" * LONGEST_TEXT
    for template in ("{{ x }}{{ x }}", "{{ x ~ x }}", "{{ x|replace('y', 'zz') }}", "{{ x|urlencode }}!"):
        with pytest.raises(ComposeError, match="more than 10,000 characters came out"):
            said(template, long)
    with pytest.raises(ComposeError, match="the variable 'x' holds more than 10,000 characters"):
        said("{{ x }}", replace(SANNE, columns={"x": "y" * (LONGEST_TEXT + 1)}))


MARKS = ("{{ ", " }}", "{% if ", " %}", "{% endif %}", "{% for a in b %}", "{#", "#}", *".,*()'3")
THINGS = ("name", "note", "x", "__class__", "[0]", "{'a': x}", " == ", " < ", " ~ ", " in ", " is defined")
FILTERS = ("|upper", "|default('a')", "|replace('a', 'b')", "|attr('b')", " if x else ")
SCRAPS = st.sampled_from([*MARKS, *THINGS, *FILTERS])


@settings(patient, max_examples=300)
@given(template=st.lists(SCRAPS | st.text(max_size=5), max_size=12).map("".join), value=st.text(max_size=50))
def test_any_template_is_refused_or_gives_words_for_any_row(template: str, value: str) -> None:
    secret = "unsayable-7f3a"
    facts = LeadFacts("+31201234501", "Sanne", {"x": value, "note": "", "phone": "020-1234501", "y": secret})
    try:
        words = said(template, facts)
    except (ScriptError, ComposeError) as refused:
        assert secret not in str(refused)
        return
    assert isinstance(words, str)
    assert len(words) <= LONGEST_TEXT
    assert secret not in words
    assert "1234501" not in words or "1234501" in template + value


@patient
@given(header=st.text(alphabet=string.printable, min_size=1, max_size=12))
def test_the_plain_form_of_any_header_can_be_written_in_a_template(header: str) -> None:
    from flireo_flows.script.lead_facts import plain_form

    plain = plain_form(header)
    assert not plain or plain.isidentifier()

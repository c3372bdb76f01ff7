"""Which column is the phone number, the name, the time zone."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from flireo_flows.leads import LeadFileError, LeadFormat, read_leads
from tests.support.leads.fixtures import WriteFile

PHONE = "+31201234501"


@pytest.mark.parametrize(
    "header",
    [
        "phone",
        "Phone Number",
        "phone_number",
        "PHONE-NR",
        "telephone",
        "Telefoon",
        "telefoonnummer",
        "mobiel",
        "Mobile",
        "tel.",
        "GSM",
        "Telefonnummer",
        "Handy",
        "Rufnummer",
        "Téléphone",
        "portable",
        "Numéro de téléphone",
        "number",
        "Nummer",
    ],
)
def test_a_phone_column_is_recognised_in_four_languages(file: WriteFile, header: str) -> None:
    assert read_leads(file(f"id;{header}\n1;{PHONE}\n")).leads[0].phone == PHONE


def test_number_is_the_phone_column_only_when_nothing_better_is_there(file: WriteFile) -> None:
    batch = read_leads(file(f"number,phone\n12,{PHONE}\n"))
    assert batch.leads[0].phone == PHONE


def test_a_named_column_wins_over_a_recognised_one(file: WriteFile) -> None:
    leads = file(f"phone,Ring Here,who\n,{PHONE},Anna\n")
    lead = read_leads(leads, LeadFormat(phone_column="ring_here", name_column="who")).leads[0]
    assert (lead.phone, lead.name) == (PHONE, "Anna")


@pytest.mark.parametrize("header", ["name", "Naam", "Full Name", "Nom", "Vollständiger Name", "contact"])
def test_a_name_column_is_recognised(file: WriteFile, header: str) -> None:
    assert read_leads(file(f"{header},phone\nAnna,{PHONE}\n")).leads[0].name == "Anna"


def test_a_file_need_not_have_names(file: WriteFile) -> None:
    assert read_leads(file(f"phone\n{PHONE}\n")).leads[0].name == ""


@pytest.mark.parametrize("header", ["timezone", "Time Zone", "tijdzone", "Zeitzone", "Fuseau horaire"])
def test_a_zone_column_is_recognised(file: WriteFile, header: str) -> None:
    batch = read_leads(file(f"phone,{header}\n{PHONE},Europe/Paris\n+442079460101,\n"))
    assert [lead.zones for lead in batch.leads] == [("Europe/Paris",), ("Europe/London",)]


@pytest.mark.parametrize(
    ("header", "form", "words"),
    [
        ("phone,mobile", LeadFormat(), "'phone', 'mobile'. Say which one with phone_column."),
        ("naam,name,tel", LeadFormat(), "'naam', 'name'. Say which one with name_column."),
        ("tel,tz,timezone", LeadFormat(), "'tz', 'timezone'. Say which one with timezone_column."),
        ("who,where", LeadFormat(), "the header has 'who', 'where'. Name it with phone_column."),
        ("who,where", LeadFormat(phone_column="tel"), "no column 'tel'; the header has 'who', 'where'."),
        ("phone,city,city", LeadFormat(), "more than once: 'city'. Give each column a name of its own."),
        ("a b,a_b,phone", LeadFormat(name_column="A-B"), "There is no column 'A-B'"),
        (",".join(f"c{n}" for n in range(25)), LeadFormat(), "'c19' and 5 more."),
        ("w" * 60, LeadFormat(), "w…'"),
        ("reject_line", LeadFormat(), "the header has no names."),
    ],
)
def test_an_unclear_header_is_refused_with_what_it_holds(
    file: WriteFile, header: str, form: LeadFormat, words: str
) -> None:
    with pytest.raises(LeadFileError) as refused:
        read_leads(file(f"{header}\n{PHONE}\n"), form)
    assert words in str(refused.value)
    assert refused.value.line == 1


def test_a_file_without_header_is_refused_and_no_ones_number_is_shown(file: WriteFile) -> None:
    headless = file("Anna,+31 20 1234501\nBen,+31 20 1234502\n")
    with pytest.raises(LeadFileError, match=r"seems to be a person.*Put a line with column names") as refused:
        read_leads(headless)
    assert "1234501" not in str(refused.value)
    with pytest.raises(LeadFileError, match=r"\+\*\* \*\* \*\*\*\*\*\*\*") as refused:
        read_leads(headless, LeadFormat(phone_column="phone"))
    assert "1234501" not in str(refused.value)


def test_columns_without_a_name_are_numbered_and_empty_ones_at_the_end_are_dropped(file: WriteFile) -> None:
    batch = read_leads(file(f"phone,,city,,\n{PHONE},x,Utrecht,,\n"))
    assert batch.columns == ("phone", "(column 2)", "city")
    assert batch.leads[0].columns == {"phone": PHONE, "(column 2)": "x", "city": "Utrecht"}


def test_a_region_is_upper_cased_and_must_exist() -> None:
    assert LeadFormat(default_region=" nl ").default_region == "NL"
    with pytest.raises(ValidationError, match="two-letter ISO 3166-1"):
        LeadFormat(default_region="Holland")


def test_every_field_of_the_form_is_explained_and_has_a_default() -> None:
    fields = LeadFormat.model_json_schema()["properties"].values()
    assert all(field["title"] and field["description"] and "default" in field for field in fields)
    assert not any("anyOf" in field for field in fields)


def test_every_public_name_can_be_fetched_and_no_other() -> None:
    import flireo_flows.leads as package

    assert package.read_leads is read_leads
    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        _ = package.guess


def test_a_path_may_be_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "März & co"
    folder.mkdir()
    (folder / "lëads.csv").write_text(f"phone\n{PHONE}\n", encoding="utf-8")
    assert len(read_leads(folder / "lëads.csv").leads) == 1


@pytest.mark.parametrize(
    ("header", "state", "postcode"),
    [
        ("state,zip", "KY", "40202"),
        ("State/Region,Postal Code", "KY", "40202"),
        ("Province,Postcode", "KY", "40202"),
        ("Bundesland,PLZ", "KY", "40202"),
        ("Région,Code postal", "KY", "40202"),
        ("provincia,CAP", "KY", "40202"),
        ("city,street", "", ""),
    ],
)
def test_state_and_postcode_are_carried_on_the_lead(
    file: WriteFile, header: str, state: str, postcode: str
) -> None:
    lead = read_leads(file(f"phone,{header}\n{PHONE},KY,40202\n")).leads[0]
    assert (lead.state, lead.postcode) == (state, postcode)


def test_of_two_columns_that_may_be_the_state_the_stronger_name_counts(file: WriteFile) -> None:
    lead = read_leads(file(f"region,state,phone\nEMEA,KY,{PHONE}\n")).leads[0]
    assert lead.state == "KY"

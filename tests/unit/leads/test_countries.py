"""The country of a row decides how its number is read."""

import pytest

from flireo_flows.leads import LeadFileError, LeadFormat, RejectCode, read_leads
from flireo_flows.leads.countries import read_country
from tests.support.leads.fixtures import WriteFile

NL = LeadFormat(default_region="NL")


@pytest.mark.parametrize(
    ("region", "texts"),
    [
        (
            "NL",
            "NL|nl|NLD|Netherlands|The Netherlands|Nederland|Niederlande|Pays-Bas|Países Bajos|Holland|31|+31|0031",
        ),
        (
            "DE",
            "DE|DEU|Germany|Deutschland|Duitsland|Allemagne|Alemania|Germania|Alemanha|GERMANY|49|+49|49.0",
        ),
        ("BE", "BE|BEL|Belgium|België|Belgique|Belgien|Bélgica|Belgio|32"),
        ("CH", "CH|CHE|Switzerland|Schweiz|Suisse|Svizzera|Zwitserland|Suiza|41"),
        ("GB", "GB|GBR|UK|U.K.|United Kingdom|Great Britain|England|Verenigd Koninkrijk|Royaume-Uni|44"),
        (
            "US",
            "US|USA|U.S.A.|United States|United States of America|Verenigde Staten|États-Unis|Estados Unidos|1",
        ),
        ("CZ", "CZ|CZE|Czechia|Czech Republic|Česko|Tsjechië"),
        ("CI", "CI|Côte d'Ivoire|Cote d’Ivoire|Ivory Coast|Ivoorkust|Elfenbeinküste"),
        ("JP", "JP|Japan|日本|Japon|81"),
        ("RU", "RU|Russia|Россия|Russland|Rusland"),
        ("GR", "GR|Greece|Ελλάδα|Griekenland"),
        ("TR", "TR|Turkey|Türkiye|Turkije|Türkei"),
        ("XK", "XK|Kosovo"),
        ("NL", "Netherlands (NL)|NL (+31)|Nederland [31]|NL - Netherlands"),
        ("CA", "Canada (+1)"),
    ],
)
def test_a_country_is_read_by_code_and_by_name_in_the_usual_languages(region: str, texts: str) -> None:
    for text in texts.split("|"):
        found = read_country(text)
        assert found is not None, text
        assert found.region == region, text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Narnia",
        "Congo",
        "Korea",
        "XX",
        "active",
        "999",
        "800",
        "031",
        "EMEA",
        "-",
        "?",
        "Netherlands (DE)",
        "Canada (US)",
    ],
)
def test_what_is_no_country_or_may_be_two_is_none(text: str) -> None:
    assert read_country(text) is None


@pytest.mark.parametrize(
    "header",
    [
        "country",
        "Country/Region",
        "Country Code",
        "land",
        "Land",
        "pays",
        "país",
        "paese",
        "Landcode",
        "ISO country",
    ],
)
def test_the_country_of_the_row_goes_before_the_default(file: WriteFile, header: str) -> None:
    text = (
        f"name;phone;{header}\nAnna;06 12345678;NL\nCarl;030 23125101;DE\nDora;010 12 34 56;BE\nGina;071 2345678;CH\n"
        "Finn;030 23125102;Germany\nHans;030 23125103;49\n"
    )
    batch = read_leads(file(text), NL)
    assert [reject.code for reject in batch.rejects] == []
    assert [lead.phone for lead in batch.leads] == [
        "+31612345678",
        "+493023125101",
        "+3210123456",
        "+41712345678",
        "+493023125102",
        "+493023125103",
    ]


@pytest.mark.parametrize(
    "header", ["phone_code", "country_code", "Dial Code", "dialling code", "calling code"]
)
@pytest.mark.parametrize("cell", ["49", "+49", "0049"])
def test_a_dialling_code_decides_as_a_country_does(file: WriteFile, header: str, cell: str) -> None:
    batch = read_leads(file(f"phone_number,{header}\n3023125101,{cell}\n030 23125102,{cell}\n"), NL)
    assert [lead.phone for lead in batch.leads] == ["+493023125101", "+493023125102"]


@pytest.mark.parametrize(
    ("phone", "country", "expected"),
    [
        ("17604069012", "DE", "+4917604069012"),
        ("17604069012", "US", "+17604069012"),
        ("4752521234", "US", "+14752521234"),
        ("4752521234", "NO", "+4752521234"),
        ("4752521234", "47", "+4752521234"),
        ("4752521234", "Norge", "+4752521234"),
        ("4752521234", "Canada", "+14752521234"),
        ("+442079460101", "NL", "+442079460101"),  # with + it is in no doubt
        ("0044 20 7946 0101", "NL", "+442079460101"),
        ("4917604069012", "DE", RejectCode.AMBIGUOUS_PHONE),  # a German number either way
        ("4917604069012", "49", RejectCode.AMBIGUOUS_PHONE),
        ("4917604069012", "NL", RejectCode.INVALID_PHONE),
        ("06 12345678", "Narnia", RejectCode.INVALID_COUNTRY),
        ("06 12345678", "", RejectCode.MISSING_COUNTRY),
        ("+31612345678", "", "+31612345678"),
        ("0031612345678", "", "+31612345678"),
    ],
)
def test_a_country_settles_what_may_be_two_numbers_where_it_can(
    file: WriteFile, phone: str, country: str, expected: str | RejectCode
) -> None:
    batch = read_leads(file(f"phone,country\n{phone},{country}\n+31201234501,NL\n"), NL)
    if isinstance(expected, RejectCode):
        assert [reject.code for reject in batch.rejects] == [expected]
        assert phone not in batch.rejects[0].message
    else:
        assert batch.leads[0].phone == expected


@pytest.mark.parametrize(
    "row", ["030 23125101,NL,49", "06 12345678,DE,31", "06 12345678,Netherlands,DE", "+31612345678,NL,49"]
)
def test_a_row_with_two_countries_is_rejected(file: WriteFile, row: str) -> None:
    batch = read_leads(file(f"phone,country,phone_code\n{row}\n+31201234501,NL,31\n"), NL)
    assert [reject.code for reject in batch.rejects] == [RejectCode.COUNTRY_CONFLICT]


def test_columns_that_agree_are_one_country(file: WriteFile) -> None:
    text = "phone,Country,Country Code,phone_code\n030 23125101,Germany,DE,+49\n020 1234501,,NL,\n"
    assert [it.phone for it in read_leads(file(text), NL).leads] == ["+493023125101", "+31201234501"]


def test_the_default_holds_for_rows_without_a_country_only_where_the_format_sets_it(file: WriteFile) -> None:
    leads = file("phone,country\n020 1234501,\n030 23125101,DE\n")
    assert [it.code for it in read_leads(leads, NL).rejects] == [RejectCode.MISSING_COUNTRY]
    form = LeadFormat(default_region="NL", default_region_for_empty_country=True)
    assert [it.phone for it in read_leads(leads, form).leads] == ["+31201234501", "+493023125101"]


def test_a_column_that_is_no_country_can_be_named_so(file: WriteFile) -> None:
    leads = file("phone,land\n020 1234501,arable\n")
    assert [it.code for it in read_leads(leads, NL).rejects] == [RejectCode.INVALID_COUNTRY]
    form = LeadFormat(default_region="NL", country_column="-")
    assert [it.phone for it in read_leads(leads, form).leads] == ["+31201234501"]


def test_a_country_column_can_be_named(file: WriteFile) -> None:
    leads = file("phone,where,country\n030 23125101,DE,old\n")
    form = LeadFormat(default_region="NL", country_column="Where")
    assert [it.phone for it in read_leads(leads, form).leads] == ["+493023125101"]
    with pytest.raises(LeadFileError, match="country_column"):
        read_leads(leads, LeadFormat(country_column="nowhere"))


def test_the_format_sets_how_a_file_writes_numbers_without_plus(file: WriteFile) -> None:
    leads = file("phone\n4917604069012\n4915228817386\n")
    de: dict[str, str] = {"default_region": "DE"}
    assert {it.code for it in read_leads(leads, LeadFormat(**de)).rejects} == {RejectCode.AMBIGUOUS_PHONE}
    both = ["+4917604069012", "+4915228817386"]
    form = LeadFormat(**de, numbers_without_plus="international")
    assert [it.phone for it in read_leads(leads, form).leads] == both
    assert [
        it.phone for it in read_leads(leads, LeadFormat(numbers_without_plus="international")).leads
    ] == both


def test_a_no_of_a_row_that_may_be_two_numbers_holds_for_both(file: WriteFile) -> None:
    text = "phone,consent\n4917604069012,no\n+4917604069012,yes\n+494917604069012,yes\n+4915228817386,yes\n"
    batch = read_leads(file(text), LeadFormat(default_region="DE"))
    assert [lead.wishes.consent.given for lead in batch.leads] == [False, False, True]


@pytest.mark.parametrize("country", ["", "Narnia"])
def test_a_no_of_a_row_without_a_country_holds_in_the_default_one(file: WriteFile, country: str) -> None:
    text = f"phone,country,consent\n020 1234501,{country},no\n+31201234501,NL,yes\n"
    assert [lead.wishes.consent.given for lead in read_leads(file(text), NL).leads] == [False]

"""The sample that is shipped shows what an import does."""

from collections import Counter
from pathlib import Path

from flireo_flows.leads import LeadFormat, RejectCode, read_do_not_call, read_leads

FLOWS = Path(__file__).parents[3] / "flows"


def test_the_sample_has_55_leads_and_one_of_each_usual_trouble() -> None:
    do_not_call = read_do_not_call(FLOWS / "do_not_call.txt")
    batch = read_leads(FLOWS / "leads.csv", LeadFormat(default_region="NL"), do_not_call)
    assert len(batch.leads) == 55
    assert Counter(reject.code for reject in batch.rejects) == {
        RejectCode.DUPLICATE: 2,
        RejectCode.INVALID_PHONE: 1,
        RejectCode.EXCEL_MANGLED: 1,
        RejectCode.DO_NOT_CALL: 1,
    }
    assert {zone for lead in batch.leads for zone in lead.zones} == {
        "Europe/Amsterdam",
        "Europe/Berlin",
        "Europe/Brussels",
        "Europe/London",
    }
    assert all(lead.name and lead.columns["appointment_day"] for lead in batch.leads)


def test_without_a_default_country_the_national_numbers_of_the_sample_are_rejected() -> None:
    batch = read_leads(FLOWS / "leads.csv")
    assert RejectCode.NO_COUNTRY in {reject.code for reject in batch.rejects}
    assert batch.leads

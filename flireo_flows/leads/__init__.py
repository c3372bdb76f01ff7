"""Files of people -> leads and rejects. Knows nothing of the API, the ledger or Prefect.

    batch = read_leads(Path("leads.csv"), LeadFormat(default_region="NL"))

The names below are fetched when first asked for, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flireo_flows.leads.do_not_call import read_do_not_call
    from flireo_flows.leads.format import LeadFormat
    from flireo_flows.leads.lead import Lead, LeadBatch, Reject, RejectCode
    from flireo_flows.leads.lead_file import check_file, read_leads
    from flireo_flows.leads.phones import LeadPhone, Refusal, parse_phone
    from flireo_flows.leads.rejects import write_rejects
    from flireo_flows.leads.text_file import LeadFileError
    from flireo_flows.leads.wishes import Consent, Wishes

__all__ = [
    "Consent",
    "Lead",
    "LeadBatch",
    "LeadFileError",
    "LeadFormat",
    "LeadPhone",
    "Refusal",
    "Reject",
    "RejectCode",
    "Wishes",
    "check_file",
    "parse_phone",
    "read_do_not_call",
    "read_leads",
    "write_rejects",
]

_HOMES = {
    "Consent": "wishes",
    "Lead": "lead",
    "LeadBatch": "lead",
    "LeadFileError": "text_file",
    "LeadFormat": "format",
    "LeadPhone": "phones",
    "Refusal": "phones",
    "Reject": "lead",
    "RejectCode": "lead",
    "Wishes": "wishes",
    "check_file": "lead_file",
    "parse_phone": "phones",
    "read_do_not_call": "do_not_call",
    "read_leads": "lead_file",
    "write_rejects": "rejects",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

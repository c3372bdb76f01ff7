"""Files of people -> leads and rejects. Knows nothing of the ledger or Prefect.

    batch = read_leads(Path("leads.csv"), LeadFormat(default_region="NL"))

A name is imported when it is first asked for, so that importing this package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flireo_flows.leads.consent_headers import Meaning, header_words, holds_marks, meaning_of
    from flireo_flows.leads.do_not_call import read_do_not_call
    from flireo_flows.leads.format import LeadFormat, field_title
    from flireo_flows.leads.lead import Consent, Lead, LeadBatch, Reject, RejectCode, Wishes
    from flireo_flows.leads.lead_file import check_file, read_leads, write_rejects
    from flireo_flows.leads.opt_out_words import CALLS, asks_for_no_calls
    from flireo_flows.leads.phones import LeadPhone, Refusal, parse_phone, read_number
    from flireo_flows.leads.text_file import LeadFileError
    from flireo_flows.leads.yes_no import YesNo, leaning_answer, plain_words, word_set, yes_or_no

__all__ = [
    "CALLS",
    "Consent",
    "Lead",
    "LeadBatch",
    "LeadFileError",
    "LeadFormat",
    "LeadPhone",
    "Meaning",
    "Refusal",
    "Reject",
    "RejectCode",
    "Wishes",
    "YesNo",
    "asks_for_no_calls",
    "check_file",
    "field_title",
    "header_words",
    "holds_marks",
    "leaning_answer",
    "meaning_of",
    "parse_phone",
    "plain_words",
    "read_do_not_call",
    "read_leads",
    "read_number",
    "word_set",
    "write_rejects",
    "yes_or_no",
]

_MODULES = {
    "consent_headers": ["Meaning", "header_words", "holds_marks", "meaning_of"],
    "do_not_call": ["read_do_not_call"],
    "format": ["LeadFormat", "field_title"],
    "lead": ["Consent", "Lead", "LeadBatch", "Reject", "RejectCode", "Wishes"],
    "lead_file": ["check_file", "read_leads", "write_rejects"],
    "opt_out_words": ["CALLS", "asks_for_no_calls"],
    "phones": ["LeadPhone", "Refusal", "parse_phone", "read_number"],
    "text_file": ["LeadFileError"],
    "yes_no": ["YesNo", "leaning_answer", "plain_words", "word_set", "yes_or_no"],
}


def __getattr__(name: str) -> object:
    module = next((module for module, names in _MODULES.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)

"""The durable record of every lead, attempt, report and decision. The ledger is the truth about calls."""

from flireo_flows.ledger.attempts import Answer, AttemptBook
from flireo_flows.ledger.beginning import Attempt, Begun
from flireo_flows.ledger.database import Database
from flireo_flows.ledger.failure import LedgerError, NoLedger
from flireo_flows.ledger.inbox import Delivered, Inbox
from flireo_flows.ledger.leads import LeadBook, Outlook
from flireo_flows.ledger.reports import Expectations
from flireo_flows.ledger.runners import Runner
from flireo_flows.ledger.views import CampaignStatus, LeadResult, OpenLead, Views

__all__ = [
    "Answer",
    "Attempt",
    "AttemptBook",
    "Begun",
    "CampaignStatus",
    "Database",
    "Delivered",
    "Expectations",
    "Inbox",
    "LeadBook",
    "LeadResult",
    "LedgerError",
    "NoLedger",
    "OpenLead",
    "Outlook",
    "Runner",
    "Views",
]

"""The durable record of every lead, attempt, report and decision. The ledger is the truth about calls."""

from flireo_flows.calling.ledger.attempts import Answer, AttemptBook
from flireo_flows.calling.ledger.beginning import Attempt, Begun
from flireo_flows.calling.ledger.database import Database
from flireo_flows.calling.ledger.failure import LedgerError, NoLedger
from flireo_flows.calling.ledger.inbox import Delivered, Inbox
from flireo_flows.calling.ledger.leads import LeadBook, Outlook
from flireo_flows.calling.ledger.reports import Expectations
from flireo_flows.calling.ledger.runners import Runner
from flireo_flows.calling.ledger.views import CampaignStatus, LeadResult, OpenLead, Views

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

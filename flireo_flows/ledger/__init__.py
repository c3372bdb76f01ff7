"""The durable record of every lead, attempt, report and decision. The ledger is the truth about calls.

A function whose name ends in `_in` works in a transaction `db` that it is given, of the ledger `database`; one that
writes needs a transaction of `Database.write`. All others open their own.
"""

from flireo_flows.ledger.attempts import Answer, AttemptBook
from flireo_flows.ledger.database import CampaignLedger, Database
from flireo_flows.ledger.errors import LedgerError, NoLedgerError
from flireo_flows.ledger.inbox import Delivered, Inbox
from flireo_flows.ledger.intents import Attempt, Begun
from flireo_flows.ledger.leads import LeadBook, Outlook
from flireo_flows.ledger.leases import Runner
from flireo_flows.ledger.reports import Expectations
from flireo_flows.ledger.views import CampaignProgress, LeadResult, OpenLead, Views

__all__ = [
    "Answer",
    "Attempt",
    "AttemptBook",
    "Begun",
    "CampaignLedger",
    "CampaignProgress",
    "Database",
    "Delivered",
    "Expectations",
    "Inbox",
    "LeadBook",
    "LeadResult",
    "LedgerError",
    "NoLedgerError",
    "OpenLead",
    "Outlook",
    "Runner",
    "Views",
]

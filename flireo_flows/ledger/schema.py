"""The tables of the ledger. Times are Unix seconds (UTC) of the ledger's clock."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TextClause,
    TypeDecorator,
    UniqueConstraint,
    and_,
    case,
    false,
    or_,
    text,
    true,
)

from flireo_flows.api.identity import name_key, person_key
from flireo_flows.lifecycle import states

VERSION: Final = 1  # of the tables: the number of the newest migration
PSEUDONYM: Final = "forgotten-"  # begins what stands in the place of an erased person's number or call id

metadata = MetaData()


class Keyed(TypeDecorator[str]):
    """Text of which all spellings are one: in whatever spelling it is given, its key is kept and compared."""

    impl, cache_ok = String, True

    def __init__(self, key: Callable[[str], str]) -> None:
        super().__init__()
        self.key = key

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The key."""
        return None if value is None else self.key(value)


Person: Final = Keyed(person_key)  # a number; what is no number stays as it is
CampaignKey: Final = Keyed(name_key)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Only states of the enum may be written."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"known_{column}")


def index_where(condition: ColumnElement[bool] | TextClause, name: str, *columns: Any, unique: bool) -> None:
    """An index of the rows for which a condition holds."""
    Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


# Alembic's own table under a name of ours: a database may hold other tables that alembic looks after.
version_table = Table(
    "flireo_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="flireo_version_pkc"),
)
meta = Table("flireo_meta", metadata, Column("key", String, primary_key=True), Column("value", String))
FORGOT: Final = "forgot_somebody"  # key in it of "yes" once a person was forgotten, else "no"

campaigns = Table(
    "flireo_campaigns",
    metadata,
    Column("name", CampaignKey, primary_key=True),
    # Its first spelling.
    Column("shown", String, nullable=False, default=lambda row: row.get_current_parameters()["name"]),
    Column("state", String, one_of("state", states.CampaignState), nullable=False),
    Column("reason", Text, nullable=False, default=""),  # words of a person or the breaker, without a number
    Column("changed_by", String, nullable=False, default=""),  # person, breaker, brake, prefect
    Column("changed_at", Float, nullable=False, default=0.0),
    # What the last run called under, for whoever collects without one: JSON of the policy and of what to expect.
    Column("policy", Text, nullable=False, server_default=""),
    Column("readiness", Text, nullable=False, server_default=""),
    # Digests of the rules that the outcomes of its calls, and opt-outs from them, were last derived by.
    Column("outcomes_version", String, nullable=False, server_default=""),
    Column("opt_out_rules_version", String, nullable=False, server_default=""),
)

# Every change of a campaign's state, and every further reason to pause it.
campaign_changes = Table(
    "flireo_campaign_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("campaign", CampaignKey, nullable=False),
    Column("state", String, one_of("state", states.CampaignState), nullable=False),
    Column("reason", Text, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("changed_at", Float, nullable=False),
    Index("flireo_changes_of_campaign", "campaign", "id"),
)

runners = Table(
    "flireo_runners",
    metadata,
    Column("id", String, primary_key=True),
    Column("campaign", CampaignKey, nullable=False),
    Column("started_at", Float, nullable=False),
    # A runner that does not renew it is taken for dead, and what it was sending for unknown.
    Column("lease_until", Float, nullable=False),
    Column("lease_seconds", Float, nullable=False),  # shows a lease from before a clock was set back
)

leads = Table(
    "flireo_leads",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("campaign", CampaignKey, nullable=False),
    Column("phone", Person, nullable=False),
    Column("destination", String, nullable=False, default=""),  # the number as it is dialled, E.164
    Column("name", Text, nullable=False, default=""),
    Column("columns", Text, nullable=False, default="{}"),  # the row of the file, JSON
    Column("zones", Text, nullable=False, default=""),  # IANA names, separated by spaces
    Column("batch", String, nullable=False),  # the newest file that holds the lead
    Column("line", Integer, nullable=False, default=0),
    Column("state", String, one_of("state", states.LeadState), nullable=False),
    Column("reason", String, nullable=False, default=""),  # a `Reason`, or the `Rule` that denied it
    Column("detail", Text, nullable=False, default=""),  # words of others that belong to the reason
    Column("outcome", String, nullable=False, default=""),
    Column("attempts", Integer, nullable=False, default=0),  # used ones: not those that were not placed
    Column("tries", Integer, nullable=False, default=0),  # all of them; the number of the newest
    Column("unplaced", Integer, nullable=False, default=0),  # those that were not, in a row
    Column("last_ended_at", Float),
    Column("not_before", Float, nullable=False, default=0.0),
    # What the row asks for beside its number: agent, language, caller, consent, last moment (JSON).
    Column("wishes", Text, nullable=False, server_default="{}"),
    Column("zone_source", String, nullable=False, server_default=""),  # column or number
    Column("home_state", Text, nullable=False, server_default=""),  # of the person, as the row writes it
    Column("postcode", Text, nullable=False, server_default=""),
    Column("number_id", String, nullable=False, server_default=""),  # caller id of its first attempt, kept
    Column("variant", String, nullable=False, server_default=""),  # its share of an A/B split, kept
    UniqueConstraint("campaign", "phone"),
    # In the order in which they are asked about, so that the next one costs the same among many.
    Index("flireo_due_leads", "campaign", "batch", "state", "not_before", "id"),
    Index("flireo_leads_of_phone", "phone"),
)

attempts = Table(
    "flireo_attempts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("lead_id", ForeignKey("flireo_leads.id"), nullable=False),
    Column("campaign", CampaignKey, nullable=False),
    Column("phone", Person, nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String, one_of("state", states.AttemptState), nullable=False),
    Column("runner", String, nullable=False),
    Column("began_at", Float, nullable=False),
    Column("call_id", String, unique=True),
    Column("report_id", String, unique=True),  # call id of the webhooks, where it differs
    Column("reason", String, one_of("reason", states.Reason), nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),  # words of others that belong to the reason
    Column("status", Integer),  # HTTP status of the answer to its request, where that was no call id
    # A report came of its call although it counts as not placed.
    Column("called_after_all", Boolean, nullable=False, server_default=false()),
    Column("id_source", String, nullable=False, server_default=""),  # an `IdSource`: what gave its call id
    Column("lost_at", Float),  # when its request was given up, so that it is not known whether it was placed
    # What readings of the list showed of an unknown one, and prove (`absence.py`). Moments are those of readings.
    Column("absent_since", Float),  # the first without its call
    Column("read_at", Float),  # the last
    Column("readings", Integer, nullable=False, server_default="0"),  # all of them
    Column("proofs", Integer, nullable=False, server_default="0"),  # with every known call, a grace apart
    Column("proof_since", Float),
    Column("proof_at", Float),
    Column("canary_since", Float),  # the first with a call that was placed later than this one
    Column("canary_id", Integer),  # that call's attempt
    Column("rows_read", Integer, nullable=False, server_default="0"),  # the most calls since its time
    Column("contradicted_at", Float),  # a reading lacked what an earlier one had: none proves anything
    Column("listed_at", Float),  # when a reading first showed its call, with its number
    Column("fetched_at", Float),  # when its call, that the list does not show, was last asked for by id
    Column("over_at", Float),  # when the call was first known to be over
    Column("complete", Boolean, nullable=False, default=False),
    Column("channel", String, nullable=False, default=""),  # webhook or list
    Column("call_status", String, nullable=False, default=""),
    Column("end_reason", Text, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Column("outcome", String, nullable=False, default=""),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("duration_seconds", Integer),
    Column("summary", Text, nullable=False, default=""),
    Column("analysis", Text),  # JSON object
    Column("messages", Text),  # JSON list
    Column("recording_url", Text),
    Column("reference", String),  # ours, sent along where the request has room for it
    Column("run", String, nullable=False, server_default=""),  # whose calls a cap per run counts
    Column("agent_id", String, nullable=False, server_default=""),
    Column("number_id", String, nullable=False, server_default=""),
    Column("variant", String, nullable=False, server_default=""),
    Column("reported_at", Float),  # when the words of the call, or that no one was reached, were first known
    Column("report_channel", String, nullable=False, server_default=""),  # webhook or list: what brought it
    Column("analysed_at", Float),  # when the analysis was first known
    Column("asked_at", Float),  # when Flireo was first asked by id for a call that had long been silent
    UniqueConstraint("campaign", "phone", "number"),
    Index("flireo_open_attempts", "campaign", "state"),
    Index("flireo_attempts_of_phone", "phone", "state"),
    Index("flireo_attempts_by_time", "campaign", "began_at"),
    Index("flireo_attempts_of_lead", "lead_id", "number"),
    Index("flireo_attempt_of_reference", "reference", unique=True),
)

# All that shows whether, when and how results came in, so that no transcript is read to count them. Only of calls that
# are over: nothing is written there while calls are placed.
_IN_TIME: Final = (
    *("campaign", "state", "over_at", "complete", "began_at", "started_at", "ended_at", "duration_seconds"),
    *("reported_at", "report_channel", "analysed_at"),
)
_OVER: Final = attempts.c.over_at.is_not(None)
index_where(_OVER, "flireo_attempts_in_time", *(attempts.c[name] for name in _IN_TIME), unique=False)

IS_ERASED: Final = attempts.c.phone.startswith(PSEUDONYM, autoescape=True)
IS_OPEN: Final = attempts.c.state.in_(list(states.OPEN))
# Its call may be going on. Of an unknown one too, until so much time has passed that no call would last.
MAY_BE_CALLING: Final = and_(IS_OPEN, attempts.c.over_at.is_(None))

# A person or a machine answered (`reports.talked`). The words are looked at last: they are long, and never come without
# their moment.
TALKED: Final = case(
    (attempts.c.started_at.is_not(None), true()),
    (attempts.c.duration_seconds != 0, true()),
    (attempts.c.reported_at.is_(None), false()),
    else_=or_(attempts.c.messages.is_not(None), attempts.c.summary != ""),
)

# The promise itself: the database refuses a second attempt at a lead while one is open, and a second call to a number
# while one may be going on, in whatever campaign.
index_where(IS_OPEN, "flireo_one_open_attempt", attempts.c.campaign, attempts.c.phone, unique=True)
index_where(MAY_BE_CALLING, "flireo_one_call_a_number", attempts.c.phone, unique=True)

inbox = Table(
    "flireo_inbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", String, unique=True, nullable=False),  # SHA-256 of the body: a doubled delivery is one
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("deliveries", Integer, nullable=False, default=1),
    Column("state", String, one_of("state", states.InboxState), nullable=False),
    Column("reason", String, one_of("reason", states.InboxReason), nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),
    # Read from the body when it came, so that the attempt can be found without reading it again.
    Column("call_id", String, nullable=False, default=""),
    Column("customer", Person, nullable=False, default=""),
    Column("reference", String, nullable=False, server_default=""),  # of the per-attempt address it came to
    Column("called_at", Float),  # about when the call began, as far as the report contains it
    Index("flireo_waiting_reports", "state", "call_id"),
    Index("flireo_waiting_references", "state", "reference"),
    Index("flireo_waiting_numbers", "state", "customer", "called_at", "received_at"),
)

# What happened and is to be reported to Prefect, once each; written by the database itself (`outbox.py`).
outbox = Table(
    "flireo_outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String, unique=True, nullable=False),  # the same event is reported once
    Column("event", String, nullable=False),
    Column("campaign", CampaignKey, nullable=False, default=""),
    Column("row_id", Integer),  # of the attempt, the lead or the report that it is about
    Column("reason", Text, nullable=False, default=""),  # in words, without a number
    Column("occurred_at", Float, nullable=False),
    Column("claimed_until", Float, nullable=False, server_default="0"),  # by whoever is sending it
    Column("sent_at", Float),  # when Prefect had it
    # JSON list of the labels of a call's notice, without the answers: a later one has only what is new.
    Column("labels", Text, nullable=False, server_default="[]"),
    Index("flireo_unsent", "sent_at", "id"),
    Index("flireo_notices_of", "row_id", "event"),
)

# Campaigns whose results fell short of what the policy asks for, which is reported once each time (`completeness.py`).
shortfalls = Table(
    "flireo_shortfalls",
    metadata,
    Column("campaign", CampaignKey, primary_key=True),
    Column("is_short", Boolean, nullable=False),  # it has not recovered since
    Column("falls", Integer, nullable=False),  # how often it fell; makes each time a notice of its own
)

requests = Table(
    "flireo_requests",
    metadata,
    Column("campaign", CampaignKey, primary_key=True),
    Column("route", String, primary_key=True),
    Column("status", String, primary_key=True),
    Column("count", Integer, nullable=False),
)

do_not_call = Table(
    "flireo_do_not_call",
    metadata,
    Column("campaign", CampaignKey, primary_key=True),
    Column("phone", Person, primary_key=True),
    Column("at", Float, nullable=False, server_default="0"),  # when a file brought it
)

# Numbers that are never called, in whatever campaign. Of a person who is forgotten only the digest stays.
suppressions = Table(
    "flireo_suppressions",
    metadata,
    Column("digest", String, primary_key=True),  # HMAC-SHA-256 of the number under the ledger's own key
    Column("phone", Person, nullable=False, default=""),
    Column("source", String, one_of("source", states.SuppressionSource), nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Column("campaign", CampaignKey, nullable=False, default=""),
    Column("at", Float, nullable=False),
)

# One row a decision; the same decision for the same reason again only counts.
decisions = Table(
    "flireo_decisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("campaign", CampaignKey, nullable=False),
    Column("phone", Person, nullable=False),
    Column("lead_id", Integer, nullable=False),
    Column("number", Integer),  # of the attempt that it allowed
    Column("allowed", Boolean, nullable=False),
    Column("rule", String, nullable=False),  # policy.Rule value that decided; empty when all allowed
    Column("until", Float),  # when it is worth asking again; None: never under this policy
    Column("inputs", Text, nullable=False, default="{}"),  # JSON: what the rules looked at
    Column("policy", String, nullable=False, default=""),  # version (digest) of the policy
    Column("first_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    Column("times", Integer, nullable=False, default=1),
    Index("flireo_decisions_of_lead", "lead_id", "id"),
    Index("flireo_decisions_of_phone", "phone"),
)

# The same denial again only counts. The condition is written as both databases spell it.
_DENIED: Final = (decisions.c.lead_id, decisions.c.rule, decisions.c.policy)
index_where(text("NOT allowed"), "flireo_one_denial", *_DENIED, unique=True)

# What has been called, so that a cap costs the same among many. Kept by the database itself (`triggers.py`).
tallies = Table(
    "flireo_tallies",
    metadata,
    Column("campaign", CampaignKey, primary_key=True),
    Column("span", String, primary_key=True),  # campaign, run, quarter
    Column("key", String, primary_key=True),  # empty, the run, the quarter of an hour since 1970
    Column("calls", Integer, nullable=False),  # attempts whose call was or may have been placed
    Column("seconds", Float, nullable=False),  # talk of those that ended
    Column("open_calls", Integer, nullable=False),  # length not known (yet), unless no one answered
    Column("minutes", Float, nullable=False, server_default="0"),  # begun minutes of those that ended
)

# Numbers that are one person's: rows of a file that share the id of a person. A number that is not here stands alone.
people = Table(
    "flireo_people",
    metadata,
    Column("phone", Person, primary_key=True),
    Column("person", String, nullable=False),
    Index("flireo_numbers_of_person", "person"),
)

# Accounts whose list of calls was read before this ledger's first call there (`run_rules.py`).
accounts = Table(
    "flireo_accounts",
    metadata,
    Column("fingerprint", String, primary_key=True),
    Column("read_at", Float, nullable=False),
    Column("read_back_to", Float, nullable=False),  # what is older was not read
    Column("calls", Integer, nullable=False),  # by others
    Column("unnamed", Integer, nullable=False),  # those of them that show no number
)

# Calls of an account that no attempt of this ledger made, as the list had them then.
account_calls = Table(
    "flireo_account_calls",
    metadata,
    Column("call_id", String, primary_key=True),
    Column("tail", String, nullable=False),  # the last digits of the number, however it was written
    Column("began_at", Float, nullable=False),
    Column("open_until", Float, nullable=False, default=0.0),  # it was not over: until when it counts as open
    Index("flireo_account_calls_of_tail", "tail", "began_at"),
)

"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0001", None

TYPES = {
    "string": sa.String,
    "text": sa.Text,
    "float": sa.Float,
    "integer": sa.Integer,
    "boolean": sa.Boolean,
    "bytes": sa.LargeBinary,
}
# Of each column its name, its type, and what else holds; without `null` or `key` it is NOT NULL.
TABLES = {
    "flireo_account_calls": "call_id string key, tail string, began_at float, open_until float",
    "flireo_accounts": """
        fingerprint string key, read_at float, read_back_to float, calls integer, unnamed integer
    """,
    "flireo_campaign_changes": """
        id integer key, campaign string, state string, reason text, changed_by string, changed_at float
    """,
    "flireo_campaigns": """
        name string key, shown string, state string, reason text, changed_by string, changed_at float,
        policy text default '', readiness text default '', outcomes_version string default '',
        opt_out_rules_version string default ''
    """,
    "flireo_decisions": """
        id integer key, campaign string, phone string, lead_id integer, number integer null,
        allowed boolean, rule string, until float null, inputs text, policy string, first_at float,
        last_at float, times integer
    """,
    "flireo_do_not_call": "campaign string key, phone string key, at float default 0",
    "flireo_inbox": """
        id integer key, digest string unique, body bytes, received_at float, deliveries integer,
        state string, reason string, detail text, call_id string, customer string,
        reference string default '', called_at float null
    """,
    "flireo_leads": """
        id integer key, campaign string, phone string, destination string, name text, columns text,
        zones text, batch string, line integer, state string, reason string, detail text, outcome string,
        attempts integer, tries integer, unplaced integer, last_ended_at float null, not_before float,
        wishes text default {}, zone_source string default '', home_state text default '',
        postcode text default '', number_id string default '', variant string default ''
    """,
    "flireo_meta": "key string key, value string null",
    "flireo_outbox": """
        id integer key, key string unique, event string, campaign string, row_id integer null, reason text,
        occurred_at float, claimed_until float default 0, sent_at float null, labels text default []
    """,
    "flireo_people": "phone string key, person string",
    "flireo_requests": "campaign string key, route string key, status string key, count integer",
    "flireo_runners": """
        id string key, campaign string, started_at float, lease_until float, lease_seconds float
    """,
    "flireo_shortfalls": "campaign string key, is_short boolean, falls integer",
    "flireo_suppressions": """
        digest string key, phone string, source string, reason text, campaign string, at float
    """,
    "flireo_tallies": """
        campaign string key, span string key, key string key, calls integer, seconds float,
        open_calls integer, minutes float default 0
    """,
    "flireo_attempts": """
        id integer key, lead_id integer of flireo_leads.id, campaign string, phone string, number integer,
        state string, runner string, began_at float, call_id string null unique,
        report_id string null unique, reason string, detail text, status integer null,
        called_after_all boolean default false, id_source string default '', lost_at float null,
        absent_since float null, read_at float null, readings integer default 0, proofs integer default 0,
        proof_since float null, proof_at float null, canary_since float null, canary_id integer null,
        rows_read integer default 0, contradicted_at float null, listed_at float null,
        fetched_at float null, over_at float null, complete boolean, channel string, call_status string,
        end_reason text, error text, outcome string, started_at float null, ended_at float null,
        duration_seconds integer null, summary text, analysis text null, messages text null,
        recording_url text null, reference string null, run string default '', agent_id string default '',
        number_id string default '', variant string default '', reported_at float null,
        report_channel string default '', analysed_at float null, asked_at float null
    """,
}
# The only values that these may have, separated by single blanks; one that begins with a blank may be empty.
CHOICES = {
    "flireo_campaign_changes.state": "open paused cancelled",
    "flireo_campaigns.state": "open paused cancelled",
    "flireo_inbox.state": "waiting applied unreadable",
    "flireo_inbox.reason": (
        " answered inbound attempt_not_placed other_number erased unknown_event unreadable "
        "reader_failed not_applied"
    ),
    "flireo_leads.state": "waiting calling done skipped review",
    "flireo_suppressions.source": "person outcome analysis unclear forgotten",
    "flireo_attempts.state": "sending placed unknown ended not_placed",
    "flireo_attempts.reason": (
        " request_failed not_sent run_stopped runner_lost not_listed proved_not_placed "
        "several_calls call_appeared list_cannot_tell call_unknown call_without_end mismatched "
        "call_id_taken answered_late called_after_all retry unclear_answer no_shared_hours "
        "not_in_the_newest_file"
    ),
}
UNIQUE = {  # together
    "flireo_leads": "campaign phone",
    "flireo_attempts": "campaign phone number",
}
INDEXES = {  # name, table, columns
    "flireo_account_calls_of_tail": ("flireo_account_calls", "tail began_at"),
    "flireo_changes_of_campaign": ("flireo_campaign_changes", "campaign id"),
    "flireo_decisions_of_lead": ("flireo_decisions", "lead_id id"),
    "flireo_decisions_of_phone": ("flireo_decisions", "phone"),
    "flireo_waiting_numbers": ("flireo_inbox", "state customer called_at received_at"),
    "flireo_waiting_references": ("flireo_inbox", "state reference"),
    "flireo_waiting_reports": ("flireo_inbox", "state call_id"),
    "flireo_due_leads": ("flireo_leads", "campaign batch state not_before id"),
    "flireo_leads_of_phone": ("flireo_leads", "phone"),
    "flireo_notices_of": ("flireo_outbox", "row_id event"),
    "flireo_unsent": ("flireo_outbox", "sent_at id"),
    "flireo_numbers_of_person": ("flireo_people", "person"),
    "flireo_attempts_by_time": ("flireo_attempts", "campaign began_at"),
    "flireo_attempts_of_lead": ("flireo_attempts", "lead_id number"),
    "flireo_attempts_of_phone": ("flireo_attempts", "phone state"),
    "flireo_open_attempts": ("flireo_attempts", "campaign state"),
    "flireo_attempts_in_time": (
        "flireo_attempts",
        "campaign state over_at complete began_at started_at ended_at duration_seconds reported_at report_channel "
        "analysed_at",
    ),
    "flireo_attempt_of_reference": ("flireo_attempts", "reference"),
    # These keep the promises.
    "flireo_one_denial": ("flireo_decisions", "lead_id rule policy"),
    "flireo_one_open_attempt": ("flireo_attempts", "campaign phone"),
    "flireo_one_call_a_number": ("flireo_attempts", "phone"),
}
CONDITIONS = {
    "flireo_attempts_in_time": "over_at IS NOT NULL",
    "flireo_one_denial": "NOT allowed",
    "flireo_one_open_attempt": "state IN ('sending', 'unknown', 'placed')",
    "flireo_one_call_a_number": "state IN ('sending', 'unknown', 'placed') AND over_at IS NULL",
}


def upgrade(op: Operations) -> None:
    """Make the tables and their indexes."""
    for table, columns in TABLES.items():
        made = [_column(table, *text.split()) for text in columns.split(",")]
        together = [sa.UniqueConstraint(*UNIQUE[table].split())] if table in UNIQUE else []
        op.create_table(table, *made, *together)
    for index, (table, names) in INDEXES.items():
        where = sa.text(CONDITIONS[index]) if index in CONDITIONS else None
        is_unique = index.startswith(("flireo_one_", "flireo_attempt_of_"))
        op.create_index(
            index, table, names.split(), unique=is_unique, sqlite_where=where, postgresql_where=where
        )


def _column(table: str, name: str, kind: str, *more: str) -> sa.Column[Any]:
    """A column of `TABLES`."""
    options: dict[str, Any] = {"nullable": "null" in more, "unique": "unique" in more or None}
    if "key" in more:
        options["primary_key"] = True
    if "default" in more:
        value = more[-1].strip("'")
        options["server_default"] = sa.false() if value == "false" else value
    held: list[sa.schema.SchemaItem] = [sa.ForeignKey(more[-1])] if "of" in more else []
    if values := CHOICES.get(f"{table}.{name}"):
        listed = ", ".join(f"'{value}'" for value in values.split(" "))
        held.append(sa.CheckConstraint(f"{name} IN ({listed})", name=f"known_{name}"))
    return sa.Column(name, TYPES[kind], *held, **options)

"""The first schema."""

import sqlalchemy as sa
from alembic.operations import Operations

revision, down_revision = "0001", None


def _one_of(column: str, values: str) -> sa.CheckConstraint:
    """Only these may be written; they are separated by blanks."""
    listed = ", ".join(f"'{value}'" for value in values.split(" "))
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"known_{column}")


def upgrade(op: Operations) -> None:
    """Make the tables and their indexes."""
    op.create_table(
        "flireo_account_calls",
        sa.Column("call_id", sa.String, primary_key=True),
        sa.Column("tail", sa.String, nullable=False),
        sa.Column("began_at", sa.Float, nullable=False),
        sa.Column("open_until", sa.Float, nullable=False),
    )
    op.create_index("flireo_account_calls_of_tail", "flireo_account_calls", ["tail", "began_at"])
    op.create_table(
        "flireo_accounts",
        sa.Column("fingerprint", sa.String, primary_key=True),
        sa.Column("read_at", sa.Float, nullable=False),
        sa.Column("read_back_to", sa.Float, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("unnamed", sa.Integer, nullable=False),
    )
    op.create_table(
        "flireo_campaign_changes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("state", sa.String, _one_of("state", "open paused cancelled"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed_by", sa.String, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
    )
    op.create_index("flireo_changes_of_campaign", "flireo_campaign_changes", ["campaign", "id"])
    op.create_table(
        "flireo_campaigns",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("shown", sa.String, nullable=False),
        sa.Column("state", sa.String, _one_of("state", "open paused cancelled"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed_by", sa.String, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
        sa.Column("policy", sa.Text, nullable=False, server_default=""),
        sa.Column("readiness", sa.Text, nullable=False, server_default=""),
        sa.Column("outcomes_version", sa.String, nullable=False, server_default=""),
        sa.Column("opt_out_rules_version", sa.String, nullable=False, server_default=""),
    )
    op.create_table(
        "flireo_decisions",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("phone", sa.String, nullable=False),
        sa.Column("lead_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer),
        sa.Column("allowed", sa.Boolean, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("until", sa.Float),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("policy", sa.String, nullable=False),
        sa.Column("first_at", sa.Float, nullable=False),
        sa.Column("last_at", sa.Float, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
    )
    op.create_index("flireo_decisions_of_lead", "flireo_decisions", ["lead_id", "id"])
    op.create_index("flireo_decisions_of_phone", "flireo_decisions", ["phone"])
    where = sa.text("NOT allowed")
    op.create_index(
        "flireo_one_denial",
        "flireo_decisions",
        ["lead_id", "rule", "policy"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "flireo_do_not_call",
        sa.Column("campaign", sa.String, primary_key=True),
        sa.Column("phone", sa.String, primary_key=True),
        sa.Column("at", sa.Float, nullable=False, server_default="0"),
    )
    op.create_table(
        "flireo_inbox",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.String, nullable=False, unique=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("deliveries", sa.Integer, nullable=False),
        sa.Column("state", sa.String, _one_of("state", "waiting applied unreadable"), nullable=False),
        sa.Column(
            "reason",
            sa.String,
            _one_of(
                "reason",
                " answered inbound attempt_not_placed other_number erased unknown_event "
                "unreadable reader_failed not_applied",
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("call_id", sa.String, nullable=False),
        sa.Column("customer", sa.String, nullable=False),
        sa.Column("reference", sa.String, nullable=False, server_default=""),
        sa.Column("called_at", sa.Float),
    )
    op.create_index(
        "flireo_waiting_numbers", "flireo_inbox", ["state", "customer", "called_at", "received_at"]
    )
    op.create_index("flireo_waiting_references", "flireo_inbox", ["state", "reference"])
    op.create_index("flireo_waiting_reports", "flireo_inbox", ["state", "call_id"])
    op.create_table(
        "flireo_leads",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("phone", sa.String, nullable=False),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("columns", sa.Text, nullable=False),
        sa.Column("zones", sa.Text, nullable=False),
        sa.Column("batch", sa.String, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column(
            "state", sa.String, _one_of("state", "waiting calling done skipped review"), nullable=False
        ),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("unplaced", sa.Integer, nullable=False),
        sa.Column("last_ended_at", sa.Float),
        sa.Column("not_before", sa.Float, nullable=False),
        sa.Column("wishes", sa.Text, nullable=False, server_default="{}"),
        sa.Column("zone_source", sa.String, nullable=False, server_default=""),
        sa.Column("home_state", sa.Text, nullable=False, server_default=""),
        sa.Column("postcode", sa.Text, nullable=False, server_default=""),
        sa.Column("number_id", sa.String, nullable=False, server_default=""),
        sa.Column("variant", sa.String, nullable=False, server_default=""),
        sa.UniqueConstraint("campaign", "phone"),
    )
    op.create_index("flireo_due_leads", "flireo_leads", ["campaign", "batch", "state", "not_before", "id"])
    op.create_index("flireo_leads_of_phone", "flireo_leads", ["phone"])
    op.create_table(
        "flireo_meta",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.String),
    )
    op.create_table(
        "flireo_outbox",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("row_id", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.Float, nullable=False),
        sa.Column("claimed_until", sa.Float, nullable=False, server_default="0"),
        sa.Column("sent_at", sa.Float),
        sa.Column("labels", sa.Text, nullable=False, server_default="[]"),
    )
    op.create_index("flireo_notices_of", "flireo_outbox", ["row_id", "event"])
    op.create_index("flireo_unsent", "flireo_outbox", ["sent_at", "id"])
    op.create_table(
        "flireo_people",
        sa.Column("phone", sa.String, primary_key=True),
        sa.Column("person", sa.String, nullable=False),
    )
    op.create_index("flireo_numbers_of_person", "flireo_people", ["person"])
    op.create_table(
        "flireo_requests",
        sa.Column("campaign", sa.String, primary_key=True),
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("status", sa.String, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
    )
    op.create_table(
        "flireo_runners",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("lease_until", sa.Float, nullable=False),
        sa.Column("lease_seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "flireo_shortfalls",
        sa.Column("campaign", sa.String, primary_key=True),
        sa.Column("is_short", sa.Boolean, nullable=False),
        sa.Column("falls", sa.Integer, nullable=False),
    )
    op.create_table(
        "flireo_suppressions",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("phone", sa.String, nullable=False),
        sa.Column(
            "source",
            sa.String,
            _one_of("source", "person outcome analysis unclear forgotten"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "flireo_tallies",
        sa.Column("campaign", sa.String, primary_key=True),
        sa.Column("span", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("open_calls", sa.Integer, nullable=False),
        sa.Column("minutes", sa.Float, nullable=False, server_default="0"),
    )
    op.create_table(
        "flireo_attempts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("lead_id", sa.Integer, sa.ForeignKey("flireo_leads.id"), nullable=False),
        sa.Column("campaign", sa.String, nullable=False),
        sa.Column("phone", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column(
            "state", sa.String, _one_of("state", "sending placed unknown ended not_placed"), nullable=False
        ),
        sa.Column("runner", sa.String, nullable=False),
        sa.Column("began_at", sa.Float, nullable=False),
        sa.Column("call_id", sa.String, unique=True),
        sa.Column("report_id", sa.String, unique=True),
        sa.Column(
            "reason",
            sa.String,
            _one_of(
                "reason",
                " request_failed not_sent run_stopped runner_lost not_listed proved_not_placed "
                "several_calls call_appeared list_cannot_tell call_unknown call_without_end "
                "mismatched call_id_taken answered_late called_after_all retry unclear_answer "
                "no_shared_hours not_in_the_newest_file",
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("called_after_all", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("id_source", sa.String, nullable=False, server_default=""),
        sa.Column("lost_at", sa.Float),
        sa.Column("absent_since", sa.Float),
        sa.Column("read_at", sa.Float),
        sa.Column("readings", sa.Integer, nullable=False, server_default="0"),
        sa.Column("proofs", sa.Integer, nullable=False, server_default="0"),
        sa.Column("proof_since", sa.Float),
        sa.Column("proof_at", sa.Float),
        sa.Column("canary_since", sa.Float),
        sa.Column("canary_id", sa.Integer),
        sa.Column("rows_read", sa.Integer, nullable=False, server_default="0"),
        sa.Column("contradicted_at", sa.Float),
        sa.Column("listed_at", sa.Float),
        sa.Column("fetched_at", sa.Float),
        sa.Column("over_at", sa.Float),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("call_status", sa.String, nullable=False),
        sa.Column("end_reason", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.Column("duration_seconds", sa.Integer),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("analysis", sa.Text),
        sa.Column("messages", sa.Text),
        sa.Column("recording_url", sa.Text),
        sa.Column("reference", sa.String),
        sa.Column("run", sa.String, nullable=False, server_default=""),
        sa.Column("agent_id", sa.String, nullable=False, server_default=""),
        sa.Column("number_id", sa.String, nullable=False, server_default=""),
        sa.Column("variant", sa.String, nullable=False, server_default=""),
        sa.Column("reported_at", sa.Float),
        sa.Column("report_channel", sa.String, nullable=False, server_default=""),
        sa.Column("analysed_at", sa.Float),
        sa.Column("asked_at", sa.Float),
        sa.UniqueConstraint("campaign", "phone", "number"),
    )
    op.create_index("flireo_attempt_of_reference", "flireo_attempts", ["reference"], unique=True)
    op.create_index("flireo_attempts_by_time", "flireo_attempts", ["campaign", "began_at"])
    where = sa.text("over_at IS NOT NULL")
    op.create_index(
        "flireo_attempts_in_time",
        "flireo_attempts",
        [
            "campaign",
            "state",
            "over_at",
            "complete",
            "began_at",
            "started_at",
            "ended_at",
            "duration_seconds",
            "reported_at",
            "report_channel",
            "analysed_at",
        ],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_index("flireo_attempts_of_lead", "flireo_attempts", ["lead_id", "number"])
    op.create_index("flireo_attempts_of_phone", "flireo_attempts", ["phone", "state"])
    where = sa.text("state IN ('sending', 'unknown', 'placed') AND over_at IS NULL")
    op.create_index(
        "flireo_one_call_a_number",
        "flireo_attempts",
        ["phone"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    where = sa.text("state IN ('sending', 'unknown', 'placed')")
    op.create_index(
        "flireo_one_open_attempt",
        "flireo_attempts",
        ["campaign", "phone"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_index("flireo_open_attempts", "flireo_attempts", ["campaign", "state"])

"""Ledgers of both kinds, and what lies in them."""

from tests.calling.conftest import ledger_url
from tests.postgres import postgres, postgres_url

__all__ = ["ledger_url", "postgres", "postgres_url"]  # fixtures

"""The domain of notification e-mail, in every shape that the sources show."""

from typing import Any

import pytest

from flireo_flows.api import domains
from flireo_flows.api.fields import Dialect

EACH_DIALECT = pytest.mark.parametrize("dialect", Dialect)
RECORD = {"record": "SPF", "type": "MX", "name": "send", "value": "x", "ttl": 300, "priority": 10}
DOMAIN = {"id": "d", "domain_name": "mail.example.org", "status": "pending", "records": [RECORD]}


@pytest.mark.parametrize("body", [{"domain": None}, {}, None])
def test_no_domain_is_none(body: Any) -> None:
    assert domains.get_domain().reads(body) is None


@pytest.mark.parametrize(
    "body",
    [
        {"domain": DOMAIN},
        DOMAIN,
        {"id": "d", "domain": "mail.example.org", "verified": False, "status": "pending"},
        {"domain": {"id": "d", "domain": "mail.example.org", "domain_name": None, "status": "pending"}},
        {"domain": {"id": "d", "name": "mail.example.org", "status": "pending", "records": None}},
    ],
)
def test_every_form_of_a_domain_is_read(body: Any) -> None:
    for asked in (domains.get_domain(), domains.add_domain("mail.example.org"), domains.refresh_domain()):
        domain = asked.reads(body)
        assert domain is not None
        assert (domain.id, domain.domain_name, domain.status) == ("d", "mail.example.org", "pending")
        assert not domain.is_verified


def test_a_record_of_a_domain_is_read() -> None:
    (record,) = domains.add_domain("mail.example.org").reads({"domain": DOMAIN}).records
    assert (record.record, record.type, record.ttl, record.priority) == ("SPF", "MX", "300", 10)


@pytest.mark.parametrize(
    ("body", "verified"),
    [
        ({"verified": True}, True),
        ({"verified": False}, False),
        ({"domain": {**DOMAIN, "status": "verified"}}, True),
        ({"domain": {**DOMAIN, "status": "failed", "verified": True}}, False),
    ],
)
def test_a_domain_shows_whether_it_is_verified_in_either_form(body: Any, verified: bool) -> None:
    assert domains.verify_domain().reads(body).is_verified == verified


@EACH_DIALECT
def test_a_domain_is_written_by_its_later_names(dialect: Dialect) -> None:
    assert domains.add_domain("mail.example.org").sends.writes(dialect) == {"domain_name": "mail.example.org"}
    assert domains.sync_resend_domain("r-1").sends.writes(dialect) == {"resendDomainId": "r-1"}
    assert domains.verify_domain().sends.writes(dialect) is None
    assert domains.delete_domain().sends.writes(dialect) is None


def test_what_resend_has_is_read() -> None:
    body = {"domains": [{"id": "r-1", "name": "example.org"}], "selected_domain_id": "r-1"}
    listed = domains.list_resend_domains().reads(body)
    assert ([one.id for one in listed.domains], listed.selected_domain_id) == (["r-1"], "r-1")
    assert domains.list_resend_domains().reads({"domains": []}).selected_domain_id is None
    synced = domains.sync_resend_domain("r-1").reads({"domain": DOMAIN, "message": "Synced."})
    assert (synced.domain.id, synced.message) == ("d", "Synced.")
    assert domains.sync_resend_domain("r-1").reads({"domain": DOMAIN}).message == ""

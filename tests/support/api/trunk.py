"""A trunk to make in a test, in both dialects."""

from typing import Any

import pytest

from flireo_flows.api.fields import Dialect

SECRET = "correct horse battery"
EACH_DIALECT = pytest.mark.parametrize("dialect", Dialect)


# SIP trunks

TRUNK: dict[str, Any] = {
    "name": "Trunk",
    "address": "sip.example.org",
    "port": 5080,
    "auth_username": "me",
    "auth_password": SECRET,
    "provider": "example",
    "transport": "tls",
}

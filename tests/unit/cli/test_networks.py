"""Networks as people have them: a wrong address, a portal, a proxy, certificates. A sentence, and no one is called."""

import pytest

from tests.support.cli.shell import Shell


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ALL_PROXY", "socks5://me:correct-horse@127.0.0.1:1", "SOCKS proxy"),
        ("HTTPS_PROXY", "socks5h://127.0.0.1:1", "SOCKS proxy"),
        ("HTTPS_PROXY", "http://me:correct#horse@127.0.0.1:1", "it is no URL"),
        ("HTTP_PROXY", "htp://127.0.0.1:1", "no proxy's URL"),
        ("NO_PROXY", "localhost,[::1]", "its entry '[::1]'"),
        ("SSL_CERT_FILE", "/nonexistent/ca.pem", "cannot be read"),
        ("SSL_CERT_DIR", "/nonexistent/certs", "there is no folder"),
    ],
)
def test_a_variable_that_cannot_be_used_ends_a_command_in_a_sentence(
    bare: Shell, variable: str, value: str, says: str
) -> None:
    bare.env |= {"FLIREO_API_KEY": "fl_test_x", "FLIREO_BASE_URL": "http://127.0.0.1:1/api/v1"}
    bare.env |= {"PREFECT_API_URL": "http://127.0.0.1:1/api", variable: value}
    for ended in (bare.run_here("--policy", "policy.yaml"), bare.here("collect")):
        assert ended.status == 1
        assert ended.complaint.startswith(f"flireo-flows: {variable}: ") and says in ended.complaint
        assert "horse" not in ended.out + ended.err
    # Nothing is sent by these.
    planned = bare.here("plan", "leads.csv", "--campaign", "spring", "--agent-id", "demo-agent", "--any-hour")
    assert planned.status == 0, planned.err

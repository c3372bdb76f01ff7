"""Networks as people have them: a wrong address, a portal, a proxy, certificates. A sentence, and no one is called."""

import pytest

from tests.integration.api.test_networks import secured
from tests.support.certificates import Authority
from tests.support.cli.shell import Shell
from tests.support.faulty.server import answer, page, run_faulty

LOGIN = "<!doctype html><html><title>Sign in</title></html>"


ELSEWHERE = {
    "404 in HTML": page(404, "<html>Not found</html>"),
    "404 of another server": answer(404, {"detail": "Not Found"}),
    "a portal": page(200, LOGIN),
    "a redirect": answer(308, None, {"Location": "https://api.test/api/v1"}),
    "a redirect to a login": answer(
        302, None, {"Location": "https://me:correct-horse@portal.test/?token=horse"}
    ),
    "a guard": page(403),
}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_an_address_that_is_not_the_apis_is_said_and_no_one_is_called(bare: Shell, kind: str) -> None:
    with run_faulty(ELSEWHERE[kind]) as server:
        bare.env |= {
            "FLIREO_API_KEY": "fl_test_x",
            "FLIREO_BASE_URL": server.url,
        }
        ended = bare.run("--policy", "policy.yaml")
    assert ended.status == 1, ended.out
    assert "That is not the API: check the base URL (FLIREO_BASE_URL" in ended.complaint
    assert "does not exist in this account" not in ended.complaint
    assert "horse" not in ended.out + ended.err
    assert not [request for request in server.requests if request.method == "POST"]


@pytest.mark.parametrize("kind", ["self-signed", "expired", "another host's"])
def test_a_certificate_that_is_not_trusted_is_said(
    bare: Shell, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    name = "elsewhere.test" if kind == "another host's" else "127.0.0.1"
    bare.env |= {"FLIREO_API_KEY": "fl_test_x"}
    if kind != "self-signed":
        bare.env["SSL_CERT_FILE"] = str(authority.file)
    with secured(authority.sign(name, expired=kind == "expired").both) as url:
        ended = bare.run("--policy", "policy.yaml", FLIREO_BASE_URL=url)
    assert ended.status == 1, ended.out
    assert "The server's certificate is not trusted: " in ended.complaint
    assert "SSL_CERT_FILE" in ended.complaint and "FLIREO_BASE_URL" in ended.complaint

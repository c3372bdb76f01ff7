"""Places that nothing is written to, and addresses that no key is sent to, are refused before anything begins."""

import pytest

from tests.support.cli.shell import Shell
from tests.unit.api.test_base_url import REFUSED

# Every scheme that a data team may try; none of them is written.
ADDRESSES = [
    "s3://bucket/results",
    "S3://bucket/results",
    "s3a://bucket/results",
    "gs://bucket/results",
    "gcs://bucket/results",
    "az://container/results",
    "abfss://container@account.dfs.core.windows.net/results",
    "http://example.com/results",
    "https://key:hush@example.com/results",
    "sftp://me:hush@example.com/results",
    "ftp://example.com/results",
    "memory://results",
    "file:///tmp/results",
    "dbfs:/mnt/results",
    "simplecache::s3://bucket/results",
    " s3://bucket/results",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("command", ["run", "demo", "plan", "init"])
def test_an_address_is_no_folder(bare: Shell, command: str, address: str) -> None:
    usual = ("leads.csv", "--campaign", "spring", "--agent-id", "a")
    arguments = {
        "run": ("run", *usual, "--out", address),
        "demo": ("demo", "--out", address),
        "plan": ("plan", *usual, "--save", address),
        "init": ("init", address),
    }[command]
    before = set(bare.folder.iterdir())
    ended = bare.here(*arguments, FLIREO_API_KEY="fl_live_x")
    assert ended.status == 1
    assert "only folders of this machine are written" in ended.complaint and "hush" not in ended.complaint
    assert set(bare.folder.iterdir()) == before


@pytest.mark.parametrize("folder", ["results", "./a:b", "a: b/c", "x/s3:", "C:/results"])
def test_a_folder_with_a_colon_is_a_folder(bare: Shell, folder: str) -> None:
    assert "FLIREO_API_KEY is not set" in bare.run_here("--out", folder).complaint
    assert (bare.folder / folder).is_dir()


@pytest.mark.parametrize(("url", "words"), [it for it in REFUSED if it[0].isprintable()][::3])
@pytest.mark.parametrize("command", ["run", "collect"])
def test_the_command_line_names_the_variable_of_a_base_url(
    bare: Shell, command: str, url: str, words: str
) -> None:
    given = {"FLIREO_API_KEY": "fl_live_x", "FLIREO_BASE_URL": url}
    ended = bare.run_here(**given) if command == "run" else bare.here("collect", **given)
    assert ended.status == 1
    assert "FLIREO_BASE_URL" in ended.complaint and words in ended.complaint
    assert "hush" not in ended.complaint
    assert not (bare.folder / "ledger.db").exists()

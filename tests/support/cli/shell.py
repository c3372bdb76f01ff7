"""The command line as a person has it: a folder, an environment, and `flireo-flows`."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import IO

from pytest import MonkeyPatch

from flireo_flows.prefect_support.local_server import free_port
from tests.support.sandbox.running import RunningSandbox, until

COMMAND = Path(sys.executable).with_name("flireo-flows")
LONG = 240.0  # seconds; no test fails because a machine is slow

# Numbers that Ofcom keeps for fiction, and that are valid.
ANNA = "+442079460001"
BEN = "+442079460002"
CARLA = "+442079460003"
PEOPLE = {ANNA: "Anna", BEN: "Ben", CARLA: "Carla"}

# Any hour, and quick.
POLICY = """
calling_hours: null
max_concurrent_calls: 100
poll_seconds: 0.5
reconcile_grace_seconds: 1
"""


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that says what went wrong; fails where there is none, several, or a traceback."""
        assert "Traceback" not in self.out + self.err, self.err
        reported = [line for line in self.err.splitlines() if line.startswith("flireo-flows: ")]
        reported = [line for line in reported if "calling hours are OFF" not in line]
        assert len(reported) == 1, self.out + self.err
        return reported[0]


@dataclass
class Shell:
    """Runs commands in a folder.

    Attributes:
        env: What is added to the environment.
    """

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path, **env: str) -> Ended:
        """Run `flireo-flows ARGUMENTS` to its end."""
        return self.command([str(COMMAND), *map(str, arguments)], **env)

    def here(self, *arguments: str | Path, **env: str) -> Ended:
        """Run `flireo-flows ARGUMENTS` in this process: no start to wait for, where nothing is to be run."""
        from flireo_flows.cli import _main

        out, err = StringIO(), StringIO()
        with MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            for name, value in {"COLUMNS": "200", **self.env, **env}.items():
                patch.setenv(name, value)
            status = _main([str(argument) for argument in arguments])
        return Ended(status, out.getvalue(), err.getvalue())

    def command(self, words: Sequence[str], **env: str) -> Ended:
        """Run any command to its end."""
        ended = subprocess.run(
            words,
            cwd=self.folder,
            env=self._environment(env),
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    @contextmanager
    def started(self, *arguments: str | Path, **env: str) -> Iterator["Started"]:
        """Run `flireo-flows ARGUMENTS` beside the test; it is killed at the end, if it still runs."""
        number = len(list(self.folder.glob("output-*.txt")))
        output = self.folder / f"output-{number}.txt"
        with output.open("wb") as file:
            process = self._popen([str(COMMAND), *map(str, arguments)], file, env)
        try:
            yield Started(process, output)
        finally:
            process.kill()
            process.wait()

    def run(self, *arguments: str | Path, leads: str | Path = "leads.csv", **env: str) -> Ended:
        """Run the campaign `spring` with the demo agent."""
        return self("run", leads, "--campaign", "spring", "--agent-id", "demo-agent", *arguments, **env)

    def run_here(self, *arguments: str | Path, leads: str | Path = "leads.csv", **env: str) -> Ended:
        """As `run`, in this process: for what is refused before anything is started."""
        return self.here("run", leads, "--campaign", "spring", "--agent-id", "demo-agent", *arguments, **env)

    def write(self, name: str, content: str | bytes) -> Path:
        """A file of the folder."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def write_leads(self, people: dict[str, str] | None = None, name: str = "leads.csv") -> Path:
        """A file of leads."""
        people = PEOPLE if people is None else people
        rows = [f"{who},{phone},Leeds" for phone, who in people.items()]
        return self.write(name, "\n".join(["name,phone,city", *rows, ""]))

    def results(self) -> dict[str, dict[str, str]]:
        """`results.csv` by number."""
        with (self.folder / "results" / "results.csv").open(encoding="utf-8", newline="") as file:
            return {row["phone"]: row for row in csv.DictReader(file)}

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        return {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **self.env, **more}

    def _popen(self, words: list[str], out: IO[bytes], env: dict[str, str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            words, cwd=self.folder, env=self._environment(env), stdout=out, stderr=out, start_new_session=True
        )


@dataclass
class Started:
    """A command that runs."""

    process: "subprocess.Popen[bytes]"
    output: Path

    @property
    def text(self) -> str:
        """What it printed so far."""
        return self.output.read_text(errors="replace")

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def ended(self) -> Ended:
        """Wait until it ends."""
        self.process.wait(LONG)
        return Ended(self.process.returncode, "", self.text)

    def until_called(self, sandbox: RunningSandbox, times: int) -> None:
        """Wait until so many calls were placed."""
        until(lambda: self._looked(len(sandbox.placed_calls()) >= times), LONG)

    def until_printed(self, words: str) -> None:
        """Wait until it printed something."""
        until(lambda: self._looked(words in self.text), LONG)

    def _looked(self, happened: bool) -> bool:
        assert happened or self.process.poll() is None, self.text
        return happened


@contextmanager
def served(shell: Shell, *arguments: str, ready: str, **env: str) -> Iterator[str]:
    """Run a server command on a free port. Yields its address once it answers at the path `ready`."""
    import httpx

    url = f"http://127.0.0.1:{(port := free_port())}"

    def answers() -> bool:
        try:
            return httpx.get(url + ready, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    with shell.started(*arguments, "--port", str(port), **env) as server:
        until(lambda: server._looked(answers()), LONG)
        yield url

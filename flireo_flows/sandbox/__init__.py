"""A local Flireo: the voice API over real HTTP, in memory, with calls that run on a scaled clock.

For demos, tests and trying a calling policy out. It calls no one. What it does follows from its seed; what the
vendor's reference leaves open, `SandboxSettings` and the modules here decide.

One module a concern: `settings` (with the faults), `store` (what exists), `state` (that in a file), `placement`
(outbound and inbound calls), `call_course` (how a call will go), `call_simulator` (that it goes), `call_content`
(transcript and analysis), `agent_webhooks` (what agents ask of the user's servers), `delivery` and `payloads`
(webhooks), `middleware` (keys, rate limits, injected faults), `routes` (the operations), `server`.
"""

from flireo_flows.api.fields import Dialect
from flireo_flows.sandbox.server import create_app, run
from flireo_flows.sandbox.settings import SandboxOutcome, SandboxSettings
from flireo_flows.sandbox.state import Contents

__all__ = ["Contents", "Dialect", "SandboxOutcome", "SandboxSettings", "create_app", "run"]

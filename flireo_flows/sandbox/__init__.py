"""A local Flireo: the voice API over real HTTP, in memory, with calls that run on a scaled clock.

For demos, tests and trying a calling policy out. Nobody is rung. What it does follows from its seed; what
the vendor's reference leaves open, it fills in as `SandboxSettings` and the modules here say.

One module a concern: `settings`, `store` (what exists), `state` (that in a file), `outcomes` (how a call will
go), `life` (that it goes), `inbound` (calls that come in), `talking` and `tools` (what agents ask of other
people's servers), `delivery` (webhooks), `limits` and `gate` (keys and rate limits), `faults` and `breaking`
(going wrong), `routes` (the operations), `app` and `server`.
"""

from flireo_flows.sandbox.app import create_app
from flireo_flows.sandbox.server import run
from flireo_flows.sandbox.settings import Dialect, Outcome, SandboxSettings

__all__ = ["Dialect", "Outcome", "SandboxSettings", "create_app", "run"]

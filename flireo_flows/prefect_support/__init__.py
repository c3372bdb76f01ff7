"""What our tasks and flows need of Prefect itself: artifacts, events, automations, a local server, the async bridge.

Only what works without Prefect is imported here: a sandbox or a receiver starts without loading it.
"""

from flireo_flows.prefect_support.async_bridge import run_async
from flireo_flows.prefect_support.child_process import ChildError, child_server, exit_with_parent, until_exit

__all__ = ["ChildError", "child_server", "exit_with_parent", "run_async", "until_exit"]

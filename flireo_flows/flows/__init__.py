"""The prebuilt flows, and what the campaign flows return and raise.

```python
from flireo_flows.flows import outbound_campaign
```

`flows/` of the repository, which `flireo-flows init` writes out, has an entry point for each deployment.
"""

from flireo_flows.flows.call_operation import call_operation
from flireo_flows.flows.collect_reports import collect_reports
from flireo_flows.flows.export_results import export_results
from flireo_flows.flows.outbound_campaign import outbound_campaign
from flireo_flows.flows.plan_campaign import plan_campaign
from flireo_flows.flows.steer_campaign import steer_campaign
from flireo_flows.tasks.campaign import CampaignStoppedError, CampaignSummary, NoLeadsError

__all__ = [
    "CampaignStoppedError",
    "CampaignSummary",
    "NoLeadsError",
    "call_operation",
    "collect_reports",
    "export_results",
    "outbound_campaign",
    "plan_campaign",
    "steer_campaign",
]

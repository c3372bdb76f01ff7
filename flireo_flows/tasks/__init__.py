"""A Prefect task for every operation of the API, and its asynchronous twin.

```python
from prefect import flow

from flireo_flows import FlireoCredentials
from flireo_flows.tasks import list_agents


@flow
def show_agents() -> None:
    for agent in list_agents(FlireoCredentials.load("flireo")):
        print(agent.name)
```
"""

from prefect import Task

from flireo_flows.api import (
    agents,
    analysis_templates,
    byok,
    calls,
    campaigns,
    control,
    domains,
    numbers,
    organization,
    sip_trunks,
    tool_templates,
    usage,
    voices,
)
from flireo_flows.tasks.composite import acall_operation as acall_operation
from flireo_flows.tasks.composite import alist_all_calls as alist_all_calls
from flireo_flows.tasks.composite import await_for_call as await_for_call
from flireo_flows.tasks.composite import call_operation as call_operation
from flireo_flows.tasks.composite import list_all_calls as list_all_calls
from flireo_flows.tasks.composite import wait_for_call as wait_for_call
from flireo_flows.tasks.operation_task import async_task_for as async_task_for
from flireo_flows.tasks.operation_task import both_tasks_for as both_tasks_for
from flireo_flows.tasks.operation_task import task_for as task_for

list_agents, alist_agents = both_tasks_for(agents.list_agents)
create_agent, acreate_agent = both_tasks_for(agents.create_agent)
get_agent, aget_agent = both_tasks_for(agents.get_agent)
update_agent, aupdate_agent = both_tasks_for(agents.update_agent)
delete_agent, adelete_agent = both_tasks_for(agents.delete_agent)

list_tool_templates, alist_tool_templates = both_tasks_for(tool_templates.list_tool_templates)
create_tool_template, acreate_tool_template = both_tasks_for(tool_templates.create_tool_template)
get_tool_template, aget_tool_template = both_tasks_for(tool_templates.get_tool_template)
update_tool_template, aupdate_tool_template = both_tasks_for(tool_templates.update_tool_template)
delete_tool_template, adelete_tool_template = both_tasks_for(tool_templates.delete_tool_template)

list_numbers, alist_numbers = both_tasks_for(numbers.list_numbers)
register_number, aregister_number = both_tasks_for(numbers.register_number)
get_number, aget_number = both_tasks_for(numbers.get_number)
update_number, aupdate_number = both_tasks_for(numbers.update_number)
delete_number, adelete_number = both_tasks_for(numbers.delete_number)

list_calls, alist_calls = both_tasks_for(calls.list_calls)
get_call, aget_call = both_tasks_for(calls.get_call)
create_outbound_call, acreate_outbound_call = both_tasks_for(calls.create_outbound_call)

control_call, acontrol_call = both_tasks_for(control.control_call)
say, asay = both_tasks_for(control.say)
inject_context, ainject_context = both_tasks_for(control.inject_context)
end_call, aend_call = both_tasks_for(control.end_call)
transfer_call, atransfer_call = both_tasks_for(control.transfer_call)

list_usage, alist_usage = both_tasks_for(usage.list_usage)

list_sip_trunks, alist_sip_trunks = both_tasks_for(sip_trunks.list_sip_trunks)
create_sip_trunk, acreate_sip_trunk = both_tasks_for(sip_trunks.create_sip_trunk)
get_sip_trunk, aget_sip_trunk = both_tasks_for(sip_trunks.get_sip_trunk)
delete_sip_trunk, adelete_sip_trunk = both_tasks_for(sip_trunks.delete_sip_trunk)

list_voices, alist_voices = both_tasks_for(voices.list_voices)

get_byok, aget_byok = both_tasks_for(byok.get_byok)
add_byok, aadd_byok = both_tasks_for(byok.add_byok)
delete_byok, adelete_byok = both_tasks_for(byok.delete_byok)
get_byok_config, aget_byok_config = both_tasks_for(byok.get_byok_config)

get_domain, aget_domain = both_tasks_for(domains.get_domain)
add_domain, aadd_domain = both_tasks_for(domains.add_domain)
delete_domain, adelete_domain = both_tasks_for(domains.delete_domain)
list_resend_domains, alist_resend_domains = both_tasks_for(domains.list_resend_domains)
sync_resend_domain, sync_resend_domain_async = both_tasks_for(domains.sync_resend_domain)
verify_domain, averify_domain = both_tasks_for(domains.verify_domain)
refresh_domain, arefresh_domain = both_tasks_for(domains.refresh_domain)

list_analysis_templates, alist_analysis_templates = both_tasks_for(analysis_templates.list_analysis_templates)
create_analysis_template, acreate_analysis_template = both_tasks_for(
    analysis_templates.create_analysis_template
)
get_analysis_template, aget_analysis_template = both_tasks_for(analysis_templates.get_analysis_template)
update_analysis_template, aupdate_analysis_template = both_tasks_for(
    analysis_templates.update_analysis_template
)
delete_analysis_template, adelete_analysis_template = both_tasks_for(
    analysis_templates.delete_analysis_template
)

get_organization, aget_organization = both_tasks_for(organization.get_organization)

list_campaigns, alist_campaigns = both_tasks_for(campaigns.list_campaigns)
create_campaign, acreate_campaign = both_tasks_for(campaigns.create_campaign)
get_campaign, aget_campaign = both_tasks_for(campaigns.get_campaign)
update_campaign, aupdate_campaign = both_tasks_for(campaigns.update_campaign)
delete_campaign, adelete_campaign = both_tasks_for(campaigns.delete_campaign)
list_campaign_leads, alist_campaign_leads = both_tasks_for(campaigns.list_campaign_leads)
add_campaign_lead, aadd_campaign_lead = both_tasks_for(campaigns.add_campaign_lead)
remove_campaign_lead, aremove_campaign_lead = both_tasks_for(campaigns.remove_campaign_lead)

# The tasks of operations; those of a campaign are in their modules.
_TOOLS = ("async_task_for", "both_tasks_for", "task_for")
__all__ = sorted(  # noqa: PLE0605 - the name of every task
    name for name, value in globals().items() if isinstance(value, Task) or name in _TOOLS
)

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

from flireo_flows.api import agents, calls, numbers, organization
from flireo_flows.tasks.derive import async_task_for, task_for

list_agents = task_for(agents.list_agents)
alist_agents = async_task_for(agents.list_agents)
create_agent = task_for(agents.create_agent)
acreate_agent = async_task_for(agents.create_agent)
get_agent = task_for(agents.get_agent)
aget_agent = async_task_for(agents.get_agent)
update_agent = task_for(agents.update_agent)
aupdate_agent = async_task_for(agents.update_agent)
delete_agent = task_for(agents.delete_agent)
adelete_agent = async_task_for(agents.delete_agent)

list_numbers = task_for(numbers.list_numbers)
alist_numbers = async_task_for(numbers.list_numbers)
register_number = task_for(numbers.register_number)
aregister_number = async_task_for(numbers.register_number)
get_number = task_for(numbers.get_number)
aget_number = async_task_for(numbers.get_number)
update_number = task_for(numbers.update_number)
aupdate_number = async_task_for(numbers.update_number)
delete_number = task_for(numbers.delete_number)
adelete_number = async_task_for(numbers.delete_number)

list_calls = task_for(calls.list_calls)
alist_calls = async_task_for(calls.list_calls)
get_call = task_for(calls.get_call)
aget_call = async_task_for(calls.get_call)
create_outbound_call = task_for(calls.create_outbound_call)
acreate_outbound_call = async_task_for(calls.create_outbound_call)

get_organization = task_for(organization.get_organization)
aget_organization = async_task_for(organization.get_organization)

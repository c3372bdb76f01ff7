"""Run any operation of the API from the Prefect UI."""

from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flireo_flows import tasks
from flireo_flows.api.redaction import without_secrets
from flireo_flows.blocks import FlireoCredentials
from flireo_flows.tasks.composite import OperationName, fill_in_secrets, show_answer


@flow(name="call-operation", persist_result=False)
def call_operation(
    operation: OperationName,
    credentials: FlireoCredentials,
    id: Annotated[str, Field(title="Id")] = "",
    lead_id: Annotated[str, Field(title="Lead id")] = "",
    query: Annotated[dict[str, Any], Field(title="Query")] = {},  # noqa: B006 - a form's default; never changed
    body: Annotated[dict[str, Any], Field(title="Body")] = {},  # noqa: B006
) -> Any:
    """Have one operation of the Flireo API answered. It is sent once: Prefect repeats nothing of it.

    If you retry a run of create_outbound_call yourself, it calls again. Look for the call with list_calls first.

    What stands in this form is stored with the run, shown to everyone who may see the run, and written to the
    log in clear if Prefect finds a parameter unfit. So a secret in the body is refused: save it as a Secret block
    and write {"secret_block": "NAME"} in its place. A phone number is a parameter like any other.

    Args:
        operation: What to do; docs/operations.md lists every operation with what it takes.
        credentials: The API key of the organization.
        id: Id in the operation's path, such as that of the call; empty if it has none.
        lead_id: Id of the lead, for remove_campaign_lead.
        query: What is asked for, such as {"limit": 10}.
        body: What is sent, by the names of the API.
    """
    ids = {name: value for name, value in {"id": id, "lead_id": lead_id}.items() if value}
    answer = tasks.call_operation(credentials, operation, ids, query, fill_in_secrets(body) or None)
    show_answer(operation, answer)
    return without_secrets(answer)

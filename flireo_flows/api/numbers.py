"""Numbers the organization can call from. Contract section 8."""

from pydantic import AwareDatetime, Field

from flireo_flows.api.fields import Id, PhoneText, optional
from flireo_flows.api.model import ApiBody, ApiModel, Json, read_done, read_list, unwrap
from flireo_flows.api.operation import Sends, always, operation


class PhoneNumber(ApiModel):
    """A registered number. Fields not named here are kept in `model_extra`."""

    id: Id
    phone_number: str = ""
    name: str | None = None
    agent_id: str | None = None
    transfer_trunk_id: str | None = None
    is_active: bool = True
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


class NumberChanges(ApiBody):
    """What may be changed about a number; only what is set is sent, None clears (contract section 8)."""

    agent_id: str | None = optional("Agent that answers it; None: no one answers.")
    transfer_trunk_id: str | None = optional("SIP trunk for transfers; None: none.")
    name: str | None = optional("Display name.")
    is_active: bool = Field(default=True, description="Whether calls may come and go over it.")


def read_number(answer: Json) -> PhoneNumber:
    """A number in its envelope, or bare."""
    return PhoneNumber.model_validate(unwrap(answer, "number"))


def read_numbers(answer: Json) -> list[PhoneNumber]:
    """The list of numbers in its envelope."""
    return [PhoneNumber.model_validate(item) for item in read_list(answer, "numbers")]


@operation("GET", "/numbers", read_numbers)
def list_numbers() -> Sends:
    """List all numbers of the organization.

    Returns:
        Every number, in one answer.

    Source: contract section 8.
    """
    return Sends()


@operation("POST", "/numbers", read_number)
def register_number(
    phone_number: PhoneText, agent_id: str = "", transfer_trunk_id: str = "", name: str = ""
) -> Sends:
    """Register a number whose provider already forwards it to Flireo.

    Args:
        phone_number: E.164.
        agent_id: Agent that answers it; empty for none.
        transfer_trunk_id: SIP trunk for transfers; empty for none.
        name: Display name; empty for none.

    Returns:
        The number, with its id.

    Raises:
        InvalidInput: The number is not E.164; nothing was sent.
        Conflict: It is registered already.

    Source: contract section 8.
    """
    fields = {"agent_id": agent_id, "transfer_trunk_id": transfer_trunk_id, "name": name}
    body = {"phone_number": phone_number, **{key: value for key, value in fields.items() if value}}
    return Sends(writes=always(body))


@operation("GET", "/numbers/{id}", read_number)
def get_number(number_id: Id) -> Sends:
    """Read one number.

    Args:
        number_id: Id of the number.

    Raises:
        NotFound: The organization has no such number.

    Source: contract section 8.
    """
    return Sends(values={"id": number_id})


@operation("PATCH", "/numbers/{id}", read_number)
def update_number(number_id: Id, changes: NumberChanges) -> Sends:
    """Change some fields of a number.

    Args:
        number_id: Id of the number.
        changes: The fields to change; None for `agent_id` leaves calls unanswered.

    Returns:
        The number as it is now.

    Raises:
        NotFound: The organization has no such number.
        BadRequest: A field is not valid; the error names it.

    Source: contract section 8.
    """
    return Sends(values={"id": number_id}, writes=changes.as_body)


@operation("DELETE", "/numbers/{id}", read_done)
def delete_number(number_id: Id) -> Sends:
    """Remove a number from the organization.

    Args:
        number_id: Id of the number.

    Returns:
        True when it is gone.

    Raises:
        NotFound: The organization has no such number.

    Source: contract section 5, row 15.
    """
    return Sends(values={"id": number_id})

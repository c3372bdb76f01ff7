"""Numbers the organization can ring from. Contract section 8."""

from typing import Any

from pydantic import AwareDatetime

from flireo_flows.api.model import ApiModel, Json, read_done, unwrap
from flireo_flows.api.operation import Effect, Operation, always


class PhoneNumber(ApiModel):
    """A registered number. Fields not named here are kept in `model_extra`."""

    id: str
    phone_number: str = ""
    name: str | None = None
    agent_id: str | None = None
    transfer_trunk_id: str | None = None
    is_active: bool = True
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


def read_number(answer: Json) -> PhoneNumber:
    """A number in its envelope, or bare."""
    return PhoneNumber.model_validate(unwrap(answer, "number"))


def read_numbers(answer: Json) -> list[PhoneNumber]:
    """The list of numbers in its envelope."""
    return [PhoneNumber.model_validate(item) for item in unwrap(answer, "numbers")]


def list_numbers() -> Operation[list[PhoneNumber]]:
    """List all numbers of the organization.

    Returns:
        Every number, in one answer.

    Source: contract section 8.
    """
    return Operation("list_numbers", "GET", "/numbers", read_numbers)


def register_number(
    phone_number: str, agent_id: str = "", transfer_trunk_id: str = "", name: str = ""
) -> Operation[PhoneNumber]:
    """Register a number whose provider already forwards it to Flireo.

    Args:
        phone_number: E.164.
        agent_id: Agent that answers it; empty for none.
        transfer_trunk_id: SIP trunk for transfers; empty for none.
        name: Display name; empty for none.

    Returns:
        The number, with its id.

    Raises:
        BadRequest: The number is not E.164.
        Conflict: It is registered already.

    Source: contract section 8.
    """
    fields = {"agent_id": agent_id, "transfer_trunk_id": transfer_trunk_id, "name": name}
    body = {"phone_number": phone_number, **{key: value for key, value in fields.items() if value}}
    return Operation(
        "register_number", "POST", "/numbers", read_number, writes=always(body), effect=Effect.CHANGES
    )


def get_number(number_id: str) -> Operation[PhoneNumber]:
    """Read one number.

    Args:
        number_id: Id of the number.

    Raises:
        NotFound: The organization has no such number.

    Source: contract section 8.
    """
    return Operation("get_number", "GET", "/numbers/{id}", read_number, values={"id": number_id})


def update_number(number_id: str, changes: dict[str, Any]) -> Operation[PhoneNumber]:
    """Change some fields of a number.

    Args:
        number_id: Id of the number.
        changes: The fields to change by the API's names; None for `agent_id` leaves calls unanswered.

    Returns:
        The number as it is now.

    Raises:
        NotFound: The organization has no such number.
        BadRequest: A field is not valid; the error names it.

    Source: contract section 8.
    """
    return Operation(
        "update_number",
        "PATCH",
        "/numbers/{id}",
        read_number,
        values={"id": number_id},
        writes=always(changes),
        effect=Effect.CHANGES,
    )


def delete_number(number_id: str) -> Operation[bool]:
    """Remove a number from the organization.

    Args:
        number_id: Id of the number.

    Returns:
        True when it is gone.

    Raises:
        NotFound: The organization has no such number.

    Source: contract section 5, row 15.
    """
    return Operation(
        "delete_number", "DELETE", "/numbers/{id}", read_done, values={"id": number_id}, effect=Effect.CHANGES
    )

"""SIP trunks: the lines that calls are transferred over. Contract section 12."""

from typing import Final

from pydantic import AliasChoices, AwareDatetime, Field, SecretStr

from flireo_flows.api.fields import Dialect, Id, Secret
from flireo_flows.api.model import ApiBody, Json, JsonObject, VariedModel, read_done, read_list, unwrap
from flireo_flows.api.operation import Sends, operation

# Fields that a dialect does not have.
UNKNOWN_TO: Final = {
    Dialect.FLIREO: frozenset({"provider", "transport"}),
    Dialect.HMSOVEREIGN: frozenset({"port"}),
}


class SipTrunk(VariedModel):
    """A trunk. Its password is never returned; `port` or `provider` and `transport` depend on the server."""

    id: Id
    name: str = ""
    address: str | None = Field(
        default=None, validation_alias=AliasChoices("address", "host", "outbound_address")
    )
    port: int | None = None
    auth_username: str | None = Field(
        default=None, validation_alias=AliasChoices("auth_username", "username")
    )
    provider: str | None = None
    transport: str | None = None
    is_active: bool = True
    org_id: str | None = None
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


class NewSipTrunk(ApiBody):
    """A trunk to be made. The dialects differ: each is sent its own fields by its own names (contract section 12).

    | here | `flireo` | `hmsovereign` |
    |---|---|---|
    | `name` | `name` | `name` |
    | `address` | `host` | `address` |
    | `port` | `port` | not sent |
    | `auth_username` | `username` | `auth_username` |
    | `auth_password` | `password` | `auth_password` |
    | `provider` | not sent | `provider`, which later servers require |
    | `transport` | not sent | `transport` |
    """

    name: str = Field(min_length=1, description="Display name.")
    address: str = Field(
        min_length=1,
        validation_alias=AliasChoices("address", "host"),
        serialization_alias="host",
        description="Server name or address of the SIP provider.",
    )
    port: int = Field(default=5060, ge=1, le=65535, description="Port of that server; `flireo` only.")
    auth_username: str = Field(
        default="",
        validation_alias=AliasChoices("auth_username", "username"),
        serialization_alias="username",
        description="User name at the SIP provider.",
    )
    auth_password: Secret = Field(
        default=SecretStr(""),
        validation_alias=AliasChoices("auth_password", "password"),
        serialization_alias="password",
        description="Password at the SIP provider.",
    )
    provider: str = Field(default="", description="Name of the SIP provider; `hmsovereign` only.")
    transport: str = Field(
        default="", description="`udp` (what the server takes by itself), `tcp` or `tls`; `hmsovereign` only."
    )

    def as_body(self, dialect: Dialect) -> JsonObject:
        """The request body in a dialect, without the fields of the other."""
        body = super().as_body(dialect)
        return {name: value for name, value in body.items() if name not in UNKNOWN_TO[dialect]}


def read_trunk(answer: Json) -> SipTrunk:
    """A trunk in either envelope, or bare."""
    return SipTrunk.model_validate(unwrap(answer, "trunk", "sip_trunk"))


def read_trunks(answer: Json) -> list[SipTrunk]:
    """The list of trunks in either envelope."""
    return [SipTrunk.model_validate(item) for item in read_list(answer, "trunks", "sip_trunks")]


@operation("GET", "/sip-trunks", read_trunks)
def list_sip_trunks() -> Sends:
    """List all SIP trunks of the organization.

    Returns:
        Every trunk, in one answer.

    Source: contract section 12.
    """
    return Sends()


@operation("POST", "/sip-trunks", read_trunk)
def create_sip_trunk(trunk: NewSipTrunk) -> Sends:
    """Make a SIP trunk. It serves a number once that number's `transfer_trunk_id` names it.

    Args:
        trunk: Name, server and login. The password is sent in the request and shown nowhere.

    Returns:
        The trunk, with its id.

    Raises:
        BadRequest: A field is not valid; the error names it.
        Conflict: There is one like it already.

    Source: contract section 12.
    """
    return Sends(writes=trunk.as_body)


@operation("GET", "/sip-trunks/{id}", read_trunk)
def get_sip_trunk(trunk_id: Id) -> Sends:
    """Read one SIP trunk.

    Args:
        trunk_id: Id of the trunk.

    Raises:
        NotFound: The organization has no such trunk.

    Source: contract section 12.
    """
    return Sends(values={"id": trunk_id})


@operation("DELETE", "/sip-trunks/{id}", read_done)
def delete_sip_trunk(trunk_id: Id) -> Sends:
    """Delete a SIP trunk. There is no way to change one: delete it and make another.

    Args:
        trunk_id: Id of the trunk.

    Returns:
        True when it is gone.

    Raises:
        NotFound: The organization has no such trunk.

    Source: contract section 12.
    """
    return Sends(values={"id": trunk_id})

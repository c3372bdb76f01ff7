"""The domain that notification e-mail is sent from, through Resend. Contract section 14."""

from typing import Annotated, Final

from pydantic import AliasChoices, AwareDatetime, BaseModel, Field

from flireo_flows.api.fields import Id
from flireo_flows.api.model import (
    AnswerFormatError,
    ApiModel,
    Json,
    Page,
    VariedModel,
    read_done,
    read_list,
    unwrap,
)
from flireo_flows.api.operation import Sends, always, operation

VERIFIED: Final = "verified"
DomainName = Annotated[str, Field(min_length=1)]


class DnsRecord(ApiModel):
    """A record that the domain's DNS must have."""

    type: str = ""
    name: str = ""
    value: str = ""
    record: str | None = None
    ttl: str | None = Field(default=None, coerce_numbers_to_str=True)  # `Auto`, or seconds
    priority: int | None = None
    status: str | None = None


class Domain(VariedModel):
    """The organization's domain. One source contains only whether it is verified (contract section 21)."""

    id: str = ""
    org_id: str | None = None
    domain_name: str = Field(default="", validation_alias=AliasChoices("domain_name", "domain", "name"))
    resend_domain_id: str | None = Field(
        default=None, validation_alias=AliasChoices("resend_domain_id", "resendDomainId")
    )
    status: str = ""  # open: not_started, pending, verified, failed
    verified: bool | None = None
    region: str | None = None
    records: tuple[DnsRecord, ...] = ()
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    verified_at: AwareDatetime | None = None

    @property
    def is_verified(self) -> bool:
        """Whether e-mail can be sent from it."""
        return self.status == VERIFIED if self.status else bool(self.verified)


class ResendDomain(ApiModel):
    """A domain of your account at Resend."""

    id: Id
    name: str = ""
    status: str = ""
    region: str | None = None


class ResendDomains(BaseModel, Page, frozen=True):
    """What Resend has.

    Attributes:
        domains: All domains of your account there.
        selected_domain_id: The one that is used; None for none.
    """

    domains: tuple[ResendDomain, ...]
    selected_domain_id: str | None = None


class SyncedDomain(BaseModel, frozen=True):
    """A domain that was taken over from Resend, and the server's words."""

    domain: Domain
    message: str = ""


def read_domain(answer: Json) -> Domain:
    """A domain in its envelope, or bare."""
    domain = Domain.model_validate(_inner(answer))
    if not domain.id and not domain.domain_name and domain.verified is None:
        raise AnswerFormatError("the answer holds no domain")
    return domain


def read_perhaps_domain(answer: Json) -> Domain | None:
    """A domain in its envelope, or bare; None where there is none."""
    return None if answer == {} or _inner(answer) is None else read_domain(answer)


def read_resend_domains(answer: Json) -> ResendDomains:
    """The domains of the account at Resend."""
    domains = tuple(ResendDomain.model_validate(item) for item in read_list(answer, "domains"))
    selected = answer.get("selected_domain_id") if isinstance(answer, dict) else None
    return ResendDomains(domains=domains, selected_domain_id=selected if isinstance(selected, str) else None)


def read_synced(answer: Json) -> SyncedDomain:
    """A domain in its envelope, beside a message."""
    words = answer.get("message") if isinstance(answer, dict) else None
    return SyncedDomain(domain=read_domain(answer), message=words if isinstance(words, str) else "")


def _inner(answer: Json) -> Json:
    """A bare domain may have a field `domain` as well: its name."""
    inner = unwrap(answer, "domain")
    return answer if isinstance(inner, str) else inner


@operation("GET", "/domains", read_perhaps_domain)
def get_domain() -> Sends:
    """Read the organization's domain, with the DNS records that it needs.

    Returns:
        The domain; None when there is none.

    Source: contract section 14.
    """
    return Sends()


@operation("POST", "/domains", read_domain)
def add_domain(domain_name: DomainName) -> Sends:
    """Add the organization's domain. A `resend` key must be there first: see `byok.add_byok`.

    Args:
        domain_name: Such as `mail.example.org`.

    Returns:
        The domain, with the DNS records to be made.

    Raises:
        BadRequest: There is no `resend` key, or this is no domain name.
        Conflict: The organization has a domain already.

    Source: contract section 14.
    """
    return Sends(writes=always({"domain_name": domain_name}))


@operation("DELETE", "/domains", read_done)
def delete_domain() -> Sends:
    """Remove the organization's domain.

    Returns:
        True when it is gone.

    Raises:
        NotFound: There is none.

    Source: contract section 14.
    """
    return Sends()


@operation("GET", "/domains/sync", read_resend_domains)
def list_resend_domains() -> Sends:
    """List the domains of your account at Resend.

    Returns:
        All of them, and which is used.

    Source: contract section 14.
    """
    return Sends()


@operation("POST", "/domains/sync", read_synced)
def sync_resend_domain(resend_domain_id: Id) -> Sends:
    """Use a domain that your account at Resend has already.

    Args:
        resend_domain_id: Id at Resend: see `list_resend_domains`.

    Returns:
        The domain, and the server's words.

    Raises:
        NotFound: Resend has no such domain.

    Source: contract section 14.
    """
    return Sends(writes=always({"resendDomainId": resend_domain_id}))


@operation("POST", "/domains/verify", read_domain)
def verify_domain() -> Sends:
    """Ask Resend to look at the domain's DNS.

    Returns:
        The domain; some servers return only whether it is verified.

    Raises:
        NotFound: The organization has no domain.

    Source: contract section 14.
    """
    return Sends()


@operation("POST", "/domains/refresh", read_domain)
def refresh_domain() -> Sends:
    """Read the domain's status at Resend again.

    Returns:
        The domain as it is now.

    Raises:
        NotFound: The organization has no domain.

    Source: contract section 14.
    """
    return Sends()

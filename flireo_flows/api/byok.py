"""Bring your own key: the organization's keys at providers of speech and language. Contract section 13."""

from typing import Annotated, Any, Final

from pydantic import AliasChoices, Field

from flireo_flows.api.fields import Id, Secret
from flireo_flows.api.model import AnswerFormatError, ApiBody, ApiModel, Json, VariedModel, read_list, unwrap
from flireo_flows.api.operation import Sends, always, operation

SECRET_ID: Final = "_secret_id"  # noqa: S105 - the end of a field's name
Provider = Annotated[str, Field(min_length=1)]


class ByokKeys(ApiModel):
    """Which providers have a key of yours. Keys themselves are never returned.

    Attributes:
        secret_ids: Id in the platform's vault by provider, such as `openai`; None: the platform's own key.
    """

    secret_ids: dict[str, str | None] = Field(default_factory=dict, repr=False)

    @property
    def configured(self) -> frozenset[str]:
        """Providers that have a key of yours."""
        return frozenset(provider for provider, secret_id in self.secret_ids.items() if secret_id)


class ByokModel(ApiModel):
    """A model of a provider."""

    id: Id
    name: str = ""
    default: bool = False


class ByokProvider(VariedModel):
    """A provider that takes a key of yours; `category` is `stt`, `llm`, `tts` or something newer."""

    id: Id
    name: str = ""
    category: str | None = None
    docs_url: str | None = Field(default=None, validation_alias=AliasChoices("docs_url", "docsUrl"))
    models: tuple[ByokModel, ...] = ()


class NewByokKey(ApiBody):
    """A key to be kept by the platform."""

    provider: Provider
    api_key: Secret = Field(min_length=1)


def read_keys(answer: Json) -> ByokKeys:
    """The keys in their envelope, or bare; nothing at all (204) means no key.

    Raises:
        AnswerFormatError: It is an object that contains no key, and not because there is none.
    """
    keys = unwrap(answer, "byok_keys")
    if not isinstance(keys, dict | None):
        raise AnswerFormatError("byok_keys is no object")
    found = {name: value for name, value in (keys or {}).items() if name.endswith(SECRET_ID)}
    if keys is answer and keys is not None and not found:
        raise AnswerFormatError("the answer does not say which keys there are")
    ids = {name.removesuffix(SECRET_ID): _text(value) for name, value in found.items()}
    return ByokKeys(secret_ids=ids)


def read_keys_left(answer: Json) -> ByokKeys:
    """The keys after one was taken back; as any delete, it may be answered with its success alone."""
    return ByokKeys() if answer in ({"success": True}, {}) else read_keys(answer)


def read_providers(answer: Json) -> tuple[ByokProvider, ...]:
    """The providers in their envelope; none where the server has no such list (404, 405)."""
    providers = [] if answer is None else read_list(answer, "providers")
    return tuple(ByokProvider.model_validate(item) for item in providers)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@operation("GET", "/byok", read_keys)
def get_byok() -> Sends:
    """Read which providers have a key of yours.

    Returns:
        Vault ids by provider; never a key.

    Source: contract section 13.
    """
    return Sends()


@operation("POST", "/byok", read_keys)
def add_byok(provider: Provider, api_key: Secret) -> Sends:
    """Give the platform a key of yours; it replaces an earlier one.

    Args:
        provider: `deepgram`, `openai`, `elevenlabs`, `xai`, `resend`, or a later one.
        api_key: The provider's API key. Sent in the request and shown nowhere.

    Returns:
        Which providers have a key of yours now.

    Raises:
        BadRequest: The provider is not known, or the key is not valid.

    Source: contract section 13.
    """
    return Sends(writes=NewByokKey(provider=provider, api_key=api_key).as_body)


@operation("DELETE", "/byok", read_keys_left)
def delete_byok(provider: Provider) -> Sends:
    """Take a key of yours back; the platform's own is used again.

    Args:
        provider: Such as `openai`. It is sent in the body of the request.

    Returns:
        Which providers have a key of yours now.

    Raises:
        NotFound: No key of yours is there for this provider.

    Source: contract section 13.
    """
    return Sends(writes=always({"provider": provider}))


@operation("GET", "/byok/config", read_providers, absent=frozenset({404, 405}))
def get_byok_config() -> Sends:
    """List the providers that take a key of yours, with their models.

    Returns:
        The providers; empty on later servers, which have no such list (they answer 404 or 405).

    Source: contract sections 13 and 21.
    """
    return Sends()

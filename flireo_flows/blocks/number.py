"""A number that people are called from."""

from typing import ClassVar

from pydantic import Field, HttpUrl, field_validator

from flireo_flows.api.fields import check_e164
from flireo_flows.blocks.flireo_block import FlireoBlock, picture


class FlireoPhoneNumber(FlireoBlock):
    """A number of the organization that people are called from."""

    _block_type_name: ClassVar[str] = "Flireo Phone Number"
    _block_type_slug: ClassVar[str] = "flireo-phone-number"
    _logo_url: ClassVar[HttpUrl | None] = picture("1f4de")  # a receiver
    _code_example: ClassVar[str] = """
```python
from flireo_flows import FlireoPhoneNumber

number = FlireoPhoneNumber.load("BLOCK_NAME")
print(number.number_id)
```"""

    number_id: str = Field(
        min_length=1, title="Number id", description="Id of the number in Flireo; not the number itself."
    )
    phone_number: str = Field(
        default="", title="Number", description="The number in E.164, as the people who are called see it."
    )
    used_for: str = Field(default="", title="Used for", description="What the number is for.")

    @field_validator("phone_number")
    @classmethod
    def _is_e164(cls, number: str) -> str:
        return check_e164(number) if number else number

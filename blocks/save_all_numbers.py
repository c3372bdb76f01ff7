"""Save a block document flireo-phone-number/number-ID for every number of the account.

The credentials are those of save_credentials.py, so run that first. Run it again when numbers were added: what was
written into "Used for" stays. A document is named after the number's id, never after the number.
"""

import re
from hashlib import sha256

from flireo_flows.api.fields import check_e164
from flireo_flows.api.numbers import PhoneNumber, list_numbers
from flireo_flows.api.redaction import mask_phone, redact
from flireo_flows.blocks import FlireoCredentials, FlireoPhoneNumber


def document_name(number_id: str) -> str:
    """A name that Prefect takes; the same for the same id, and without a phone number."""
    if re.fullmatch(r"[a-z0-9-]{1,60}", number_id) and redact(number_id) == number_id:
        return f"number-{number_id}"
    return f"number-{sha256(number_id.encode()).hexdigest()[:16]}"


def block_of(number: PhoneNumber) -> FlireoPhoneNumber:
    """The block of a number, with what people wrote into the one that is saved."""
    try:
        phone = check_e164(number.phone_number)
    except ValueError:
        phone = ""
    try:
        saved = FlireoPhoneNumber.load(document_name(number.id))
        used_for = saved.used_for  # type: ignore[union-attr] # Prefect declares its async form too
    except ValueError:  # there is none yet
        used_for = number.name or ""
    return FlireoPhoneNumber(number_id=number.id, phone_number=phone, used_for=used_for)


if __name__ == "__main__":
    FlireoPhoneNumber.register_type_and_schema()
    credentials = FlireoCredentials.load("flireo")
    with credentials.get_client() as client:  # type: ignore[union-attr] # Prefect declares its async form too
        numbers = client.send(list_numbers())
    for number in numbers:
        block_of(number).save(document_name(number.id), overwrite=True)
        print(f"saved flireo-phone-number/{document_name(number.id)} ({mask_phone(number.phone_number)})")
    print(f"numbers of the account: {len(numbers)}")

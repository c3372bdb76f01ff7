"""Save the block document flireo-phone-number/main from FLIREO_NUMBER_ID and FLIREO_NUMBER."""

import os

from flireo_flows.blocks import FlireoPhoneNumber

if __name__ == "__main__":
    FlireoPhoneNumber.register_type_and_schema()
    FlireoPhoneNumber(
        number_id=os.environ["FLIREO_NUMBER_ID"],
        phone_number=os.environ.get("FLIREO_NUMBER", ""),
        used_for=os.environ.get("FLIREO_NUMBER_USED_FOR", ""),
    ).save("main", overwrite=True)
    print("saved flireo-phone-number/main")

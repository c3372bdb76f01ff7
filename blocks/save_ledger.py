"""Save the block document flireo-call-ledger/ledger from FLIREO_LEDGER_URL.

Without it the ledger is a SQLite file in the data directory of the user who runs the flows.
"""

import os

from flireo_flows.blocks import CallLedger

if __name__ == "__main__":
    CallLedger.register_type_and_schema()
    CallLedger(url=os.environ.get("FLIREO_LEDGER_URL", "")).save("ledger", overwrite=True)
    print("saved flireo-call-ledger/ledger")

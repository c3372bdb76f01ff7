"""The calling engine, told as sentences about behaviour, to a real ledger and a real server."""

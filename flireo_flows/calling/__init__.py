"""The calling engine: the ledger, `decide()`, the dialer, the collector. No Prefect inside."""

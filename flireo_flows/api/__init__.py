"""The Flireo API as Python values. Knows nothing of Prefect, the ledger or files of leads."""

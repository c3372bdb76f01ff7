"""The states of attempts, leads and campaigns, how they move, and what a finished call means. Pure: no I/O."""

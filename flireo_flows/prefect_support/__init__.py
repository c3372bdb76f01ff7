"""What our tasks and flows need of Prefect itself: artifacts, events, automations, a local server, the async bridge."""

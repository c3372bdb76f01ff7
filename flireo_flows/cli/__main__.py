"""`python -m flireo_flows.cli ...` is `flireo-flows ...`."""

from flireo_flows.cli import main

main()

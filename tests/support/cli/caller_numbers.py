"""Leads and a script for numbers that belong to clients."""

from tests.support.cli.shell import ANNA, BEN, CARLA

ROWS = f"Anna,{ANNA},Zon BV\nBen,{BEN},Wind BV\nCarla,{CARLA},\n"
SCRIPT = "numbers: [{number_id: demo-number, client: Zon BV}]\n"
USUAL = ("--campaign", "spring", "--agent-id", "demo-agent", "--policy", "policy.yaml")

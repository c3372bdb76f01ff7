"""Tests of what people see in the Prefect UI."""

"""Tests of what Prefect runs: flows, steps, tasks, blocks, deployments."""

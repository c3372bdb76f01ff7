"""Tests of the webhook receiver, over real HTTP."""

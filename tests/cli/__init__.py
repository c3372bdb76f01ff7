"""Tests of the command line: real processes, real exit statuses, real words."""

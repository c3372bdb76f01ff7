"""A server that fails on demand."""

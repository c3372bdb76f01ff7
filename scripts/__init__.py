"""What measures the structure of the code: `make structure`, `make trace`."""

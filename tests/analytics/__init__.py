"""Tables, files and the report."""

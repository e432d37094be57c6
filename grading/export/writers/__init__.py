"""One module for each format: records in, bytes out, one row at a time."""

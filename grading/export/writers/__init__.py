"""One module for each format: blocks of records in, pieces of files out. Nothing is held back between blocks."""

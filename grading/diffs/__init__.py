"""Two patches against one base: text in, rows out."""

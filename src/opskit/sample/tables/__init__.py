"""One module per table of the sample shop, found by name.

Each has ROW (what a row is), COLUMNS (columns written, in order) and build(chunk), which returns the columns of
the chunk's rows, sorted; further columns serve other tables and are not written. A table draws from the chunk's
stream of its own name only, so that adding one leaves the others byte-identical. What it plants is
declared in a file of its own under planted/.
"""

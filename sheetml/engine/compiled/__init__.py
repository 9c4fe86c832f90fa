"""Formulas as straight-line Python on floats: of single cells, of recurrences, of what is repeated."""

"""Does a model agree with itself: alone and in a batch, twice in a row, in another process or precision?

`check` runs one model on the same rows in different company and circumstances, and says of each difference
what it is: rounding, which is harmless, or rows that depend on one another, memory, chance, or precision.
"""

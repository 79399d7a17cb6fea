"""What every op means, as pure functions on NumPy arrays: the judge of all frameworks.

Spatial data has its channels last: `(n, *s, c)` with one to three spatial axes. Floating arrays
come back in their own dtype and are computed in it; nothing here knows a graph or a framework.
"""

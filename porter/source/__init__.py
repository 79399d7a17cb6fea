"""Readable Python source: values in, text out.

`code` has the expressions and `statements` the statements that writers build, `names` makes legal
names from any text, and `render` is the one place that turns all of it into text.
"""

"""Tests that go through every layer of the tables in `cases`."""

"""Tests of models that live in this process."""

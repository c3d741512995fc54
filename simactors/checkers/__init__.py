"""Judges of what actors did: pure functions of a history, which return a verdict."""

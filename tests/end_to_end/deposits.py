"""Tests of a small bank, as text: what the plugin's own tests let pytest run."""

from __future__ import annotations

BANK = """
    import time
    import pytest
    import simactors as ray

    @ray.remote
    class Account:
        def __init__(self): self.balance = 0
        def read(self): return self.balance
        def write(self, balance): self.balance = balance

    @ray.remote
    def deposit(account, amount, after_s=0):
        time.sleep(after_s)
        balance = ray.get(account.read.remote())
        ray.get(account.write.remote(balance + amount))
"""
LOST_UPDATE = (
    BANK
    + """
    def test_no_deposit_is_lost(sim):
        account = Account.remote()
        ray.get([deposit.remote(account, 10), deposit.remote(account, 5, 0.5)])
        assert ray.get(account.read.remote()) == 15
"""
)
"""Passes in the plainest order; one late message makes it fail."""

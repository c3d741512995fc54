"""The specification of a bank: money moves between accounts, and never comes into being or vanishes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

from simactors.checkers.answers import or_raised
from simactors.checkers.specification import Names, Vocabulary
from simactors.checkers.values import FrozenMap, normal
from simactors.core.history import Operation

INSUFFICIENT: Names = ("InsufficientFunds", "InsufficientFundsError", "InsufficientBalance", "ValueError")


@dataclass(frozen=True)
class Bank:
    """Accounts, none of which is ever overdrawn.

    What moves money answers with True, with nothing or, for one account, with its new balance. If there is not
    enough, it changes nothing, and answers with False or raises.

    Args:
        initial: the balances at the beginning, by account.
        transfer: the names of ``transfer(source, destination, amount)``.
        deposit, withdraw: the names of ``deposit(account, amount)`` and ``withdraw(account, amount)``.
        balance: the names of ``balance(account)``.
        balances, total: the names of ``balances()``, which answers with a `dict`, and ``total()``, their sum.
        insufficient: the classes of exceptions, by name, that say that there is not enough.
        missing: those that say that there is no such account; False says it, too.
    """

    initial: Mapping[Any, Any]
    _: KW_ONLY
    transfer: Names = ("transfer", "move")
    deposit: Names = "deposit"
    withdraw: Names = "withdraw"
    balance: Names = ("balance", "read", "get")
    balances: Names = ("balances", "accounts", "snapshot")
    total: Names = ("total", "sum")
    insufficient: Names = INSUFFICIENT
    missing: Names = ("KeyError", "LookupError", "ValueError")

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", normal(self.initial))

    @cached_property
    def _words(self) -> Vocabulary:
        meanings = {
            "transfer": (self.transfer, "source, destination, amount"),
            "deposit": (self.deposit, "account, amount"),
            "withdraw": (self.withdraw, "account, amount"),
            "balance": (self.balance, "account"),
            "balances": (self.balances, ""),
            "total": (self.total, ""),
        }
        return Vocabulary("Bank", meanings)

    def apply(self, state: FrozenMap, operation: Operation) -> tuple[FrozenMap, Any]:
        """One operation."""
        meaning = self._words.meaning(operation)
        if meaning == "balances":
            return state, state
        if meaning == "total":
            return state, sum(state.values())
        accounts = [normal(account) for account in operation.args[: 2 if meaning == "transfer" else 1]]
        if not all(account in state for account in accounts):
            return state, or_raised(operation, False, self.missing)
        if meaning == "balance":
            return state, state[accounts[0]]
        amount = operation.args[-1]
        if meaning != "deposit" and state[accounts[0]] < amount:
            return state, or_raised(operation, False, self.insufficient)
        return self._moved(state, operation, meaning, accounts)

    @staticmethod
    def _moved(
        state: FrozenMap, operation: Operation, meaning: str, accounts: list[Any]
    ) -> tuple[FrozenMap, Any]:
        amount, account = operation.args[-1], accounts[0]
        after = state.with_item(account, state[account] + (amount if meaning == "deposit" else -amount))
        if meaning == "transfer":
            after = after.with_item(accounts[1], after[accounts[1]] + amount)
        if operation.result is None or operation.result is True:
            return after, operation.result
        return after, True if meaning == "transfer" else after[account]

    def key(self, operation: Operation) -> Hashable:
        """The account, if nobody moves money from one to another, and nobody asks for all of them."""
        alone = self._words.meaning(operation) in ("deposit", "withdraw", "balance")
        return (normal(operation.args[0]),) if alone else None

    def reads(self, operation: Operation) -> bool:
        """Whether it only looks."""
        return self._words.meaning(operation) in ("balance", "balances", "total")

    def kind(self, operation: Operation) -> Any:
        """Who asks does not matter."""
        return operation.name, operation.args

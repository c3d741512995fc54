"""`ObjectRefGenerator`: what a call of a remote generator returns while its items come one by one.

Not where the items come from: that is the backend's, see `core.abilities.Streams`. What `get` gives for
``num_returns="dynamic"`` is `core.refs.DynamicObjectRefGenerator`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from simactors.api import session
from simactors.core.abilities import Streams
from simactors.core.refs import ObjectRef


class ObjectRefGenerator:
    """The refs of the items of a remote generator, in order; a plain and an asynchronous iterator.

    An item may be the failure of the generator; it is the last one then. Only the process that made the call can
    use it: it can't be passed on.
    """

    __slots__ = ("__weakref__", "_failure_given", "_generator_ref")

    def __init__(self, generator_ref: ObjectRef[None]) -> None:
        self._generator_ref = generator_ref
        # A crash or a cancellation belongs to no item: it is given once, as one more item.
        self._failure_given = False

    def __iter__(self) -> ObjectRefGenerator:
        return self

    def __next__(self) -> ObjectRef[Any]:
        """The ref of the next item; blocks until the item is there."""
        try:
            ref = self._streams().next_item(self._generator_ref, None)
        except StopIteration:
            if self._has_failure():
                return self._give_failure()
            raise
        assert ref is not None  # without a timeout
        return ref

    def __aiter__(self) -> ObjectRefGenerator:
        return self

    async def __anext__(self) -> ObjectRef[Any]:
        """As `__next__`, without blocking the event loop; if it is cancelled, no item is lost."""
        while True:
            await self.peek().outcome_future()
            try:
                ref = self._streams().next_item(self._generator_ref, 0)
            except StopIteration:
                outcome = await self._generator_ref.outcome_future()
                if outcome.ok or self._failure_given:
                    raise StopAsyncIteration from None
                return self._give_failure()
            if ref is not None:  # else somebody took it meanwhile
                return ref

    def completed(self) -> ObjectRef[None]:
        """A ref that is ready when the generator has ended.

        Its value is None, also if the generator raised (which is an item); `get` raises if the call failed otherwise.
        """
        return self._generator_ref

    def next_ready(self) -> bool:
        """Whether `next` gives a ref at once whose value is there; false at the end."""
        if self.is_finished():
            return False
        return bool(session.active().wait((self.peek(),), 1, 0))

    def is_finished(self) -> bool:
        """Whether every item was taken and there will be no more."""
        return self._streams().is_finished(self._generator_ref) and not self._has_failure()

    def peek(self) -> ObjectRef[Any]:
        """What `wait` waits for: a ref that is ready as soon as `next` need not block."""
        return self._streams().peek(self._generator_ref)

    def send(self, value: Any) -> NoReturn:
        """Refuse: what runs elsewhere can't be sent anything."""
        raise NotImplementedError("`gen.send` is not supported.")

    def throw(self, value: Any) -> NoReturn:
        """Refuse, see `send`."""
        raise NotImplementedError("`gen.throw` is not supported.")

    def close(self) -> NoReturn:
        """Refuse: use `cancel`."""
        raise NotImplementedError("`gen.close` is not supported.")

    async def asend(self, value: Any) -> NoReturn:
        """Refuse, see `send`."""
        raise NotImplementedError("`gen.asend` is not supported.")

    async def athrow(self, value: Any) -> NoReturn:
        """Refuse, see `send`."""
        raise NotImplementedError("`gen.athrow` is not supported.")

    async def aclose(self) -> NoReturn:
        """Refuse: use `cancel`."""
        raise NotImplementedError("`gen.aclose` is not supported.")

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "You cannot return or pass a generator to other task. Serializing a ObjectRefGenerator is not allowed."
        )

    def _streams(self) -> Streams:
        return session.able(Streams, "a generator as a task or method")

    def _has_failure(self) -> bool:
        """Whether the call failed, and nobody was told yet; asked only at the end of the stream."""
        if self._failure_given:
            return False
        backend = session.active()
        backend.wait((self._generator_ref,), 1, None)
        return not backend.read(self._generator_ref).ok

    def _give_failure(self) -> ObjectRef[None]:
        self._failure_given = True
        return self._generator_ref


def settle_returns(options: Mapping[str, Any], *, is_generator: bool, declared: bool) -> dict[str, Any]:
    """`options` with `num_returns` settled: a generator streams its items unless it says otherwise.

    Args:
        declared: these are the options of a decorator, where leaving `num_returns` out means its default.

    Raises:
        ValueError: what has no ``yield`` shall stream.
    """
    settled = dict(options)
    returns = settled.get("num_returns")
    if returns is None and (declared or "num_returns" in settled):
        settled["num_returns"] = "streaming" if is_generator else 1
    elif returns in ("streaming", "dynamic") and not is_generator:
        raise ValueError(
            f"num_returns='{returns}' can only be used with generator functions (functions that use 'yield'). "
            "The decorated function is not a generator function."
        )
    return settled


def unwrap_refs(refs: list[ObjectRef[Any]], num_returns: int | str) -> Any:
    """What ``.remote()`` gives for these refs: one ref, a list of several, None for none, or a generator."""
    if num_returns == "streaming":
        return ObjectRefGenerator(refs[0])
    if len(refs) == 1:
        return refs[0]
    return refs or None

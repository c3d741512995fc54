"""Errors that nobody reads: of calls that raised, and whose refs nobody asked for.

An error is read where it is unwrapped: by `get`, ``await``, a future, or a call that takes the ref as an argument. A
`get` of several refs raises only one of their errors, and asks for all of them.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from simactors.core.outcome import Failure, Outcome
from simactors.core.refs import ObjectRef
from simactors.exceptions import UnreadError
from simactors.sim.actor import is_at_work
from simactors.sim.config import NS
from simactors.sim.invocation import Invocation, State, StoredObject

_RAISED = "simactors.exceptions.RayTaskError: "


class _Noted(Failure):
    """A failure that tells when it is read."""

    __slots__ = ("__weakref__", "_note")

    def __init__(self, failure: Failure, note: _Note) -> None:
        super().__init__(failure.packed, failure.text)
        self._note = note

    def error(self) -> Exception:
        """See `Failure.error`."""
        self._note.is_read = True
        return super().error()


class _Note:
    """What is known of one error.

    Attributes:
        state_id: of the call.
        name: its name.
        text: what was raised, and where: the traceback of the process that did.
        noted: the failure, as long as somebody has a ref.
    """

    def __init__(self, state: State, now_ns: int, failure: Failure) -> None:
        self.state_id = state.id
        self.name = str(state)
        self.caller = state.caller
        self.now_ns = now_ns
        self.text = failure.text.removeprefix(_RAISED)
        self.is_read = False
        self.noted: weakref.ref[_Noted] | None = None

    @property
    def is_unread(self) -> bool:
        """Whether nobody has read it, and nobody will."""
        if self.is_read or self.caller.gone:
            return False
        is_held = self.noted is not None and self.noted() is not None
        return not (is_held and is_at_work(self.caller))


class Unread:
    """The errors of one run, noted as they are sent home, or made there."""

    def __init__(self) -> None:
        self._notes: list[_Note] = []
        self._asked: set[int] = set()  # is only asked what is in it

    def look(self, state: State, outcome: Outcome, now_ns: int) -> Outcome:
        """What is to be kept in `state`, made so that reading it is noticed."""
        if (
            not isinstance(outcome, Failure)
            or isinstance(outcome, _Noted)
            or not outcome.text.startswith(_RAISED)
        ):
            return outcome
        call = state.call if isinstance(state, StoredObject) else state
        if state.id in self._asked or (isinstance(call, Invocation) and call.is_canceled):
            return outcome
        note = _Note(state, now_ns, outcome)
        noted = _Noted(outcome, note)
        note.noted = weakref.ref(noted)
        self._notes.append(note)
        return noted

    def lost(self, call: Invocation) -> None:
        """What it was answered with is lost."""
        self._notes = [note for note in self._notes if note.state_id != call.id]

    def asked(self, refs: Sequence[ObjectRef[object]]) -> None:
        """Somebody wants all of them."""
        for ref in refs:
            state: State = ref.entry  # type: ignore[assignment]  # our own
            if isinstance(state.outcome, _Noted):
                state.outcome.error()
            self._asked.add(state.id)

    def check(self) -> None:
        """Raise `UnreadError` for the first one that nobody has read; the program has ended."""
        unread = [note for note in self._notes if note.is_unread]
        if not unread:
            return
        first = unread[0]
        more = f"\nThe errors of {len(unread) - 1} further calls were not read either." if unread[1:] else ""
        raise UnreadError(
            f"{first.name} of {first.caller.label} raised at {first.now_ns / NS:.6f}s of virtual time, and nobody ever "
            f"asked for its result. Keep its ref and `get` it, or handle the error where it is raised."
            f"{more}\n{first.text}"
        )

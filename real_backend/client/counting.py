"""`Counting`: who else holds what this process owns, and what this process holds of others: objects and actors.

Not what is freed thereby (`objects`, `actors`). The owner, whose number is in the id, counts for each pair of processes
the copies of a ref that one has sent to the other minus those that were given back. Nothing is acknowledged:

- The owner counts a copy when it sends one. A process whose last ref is gone gives all copies back that it has ever
  got (`Release`); one that is on its way to it meanwhile keeps its count above zero.
- Who sends a copy of a borrowed ref tells the owner (`Lend`) before it sends the copy. The receiver may give it back
  before the owner has heard of it: then that count is below zero for a moment, but the sender's own is not, since what
  it says to the owner comes in order. So an object is needed exactly as long as some count is above zero.
- A copy on its way to the owner itself counts as held by the owner, until it has arrived.
- A process that has died holds nothing. The owner is connected to every holder, so that it hears of that. What the dead
  one has lent may never have been sent: the owner asks the receivers (`Audit`), who answer when nothing more can come.

One loss is left: a process that is killed when it has sent a copy, and could not yet send its `Lend` because its
connection to the owner was being made. The receiver's ref is then not counted.
"""

from __future__ import annotations

from collections.abc import Callable

from real_backend.client.peers import SUPERVISOR
from real_backend.messages import Audit, Audited, Lend, Release, owner_of

Counts = dict[tuple[int, int], int]
"""By lender and holder: copies sent minus copies given back."""


class Counting:
    """Both sides of it; under the lock of the process.

    Args:
        process: the number of this one.
        say: sends a message to another process, without delay if it is a `Lend`.
        watch: makes sure that `process_gone` is called when that process ends, or has ended.
        freed: called with the id of ours that nobody else holds any more.
    """

    def __init__(
        self,
        process: int,
        say: Callable[[int, Lend | Release | Audit | Audited], None],
        watch: Callable[[int], None],
        freed: Callable[[int], None],
    ) -> None:
        self._process = process
        self._say = say
        self._watch = watch
        self._freed = freed
        self._held: dict[int, Counts] = {}
        # By id and sender: copies that came, of what others own.
        self._received: dict[int, dict[int, int]] = {}
        self._returns: dict[int, list[tuple[int, int, int]]] = {}
        # By the process that may have died: who wants to know what came from it, and of which ids.
        self._audits: dict[int, list[tuple[int, Audit]]] = {}

    def is_held(self, ref_id: int) -> bool:
        """Whether another process may still use this one of ours."""
        return ref_id in self._held

    def leaves(self, ref_id: int, to: int) -> None:
        """A copy is about to be sent."""
        owner = owner_of(ref_id)
        if owner == self._process:
            self._add(self._held.setdefault(ref_id, {}), ref_id, (owner, to), 1)
        else:
            self._say(owner, Lend(ref_id, to, 1))

    def arrives(self, ref_id: int, sender: int) -> None:
        """A copy has come, and a ref was made of it."""
        if owner_of(ref_id) == self._process:
            self.on_release(self._process, Release(((ref_id, sender, 1),)))
        else:
            came = self._received.setdefault(ref_id, {})
            came[sender] = came.get(sender, 0) + 1

    def give_back(self, ref_id: int) -> None:
        """The last ref here to what another process owns is gone; `flush` tells the owner."""
        came = self._received.pop(ref_id, None)
        if came:
            items = [(ref_id, sender, copies) for sender, copies in came.items()]
            self._returns.setdefault(owner_of(ref_id), []).extend(items)

    def flush(self) -> None:
        """Tell owners what was given back."""
        if self._returns:
            returns, self._returns = self._returns, {}
            for owner, items in returns.items():
                self._say(owner, Release(tuple(items)))

    def on_lend(self, lender: int, message: Lend) -> None:
        """A process has sent one of ours to another one."""
        counts = self._held.get(message.ref_id)
        if counts is not None:  # else nobody could have lent it who still counted
            self._add(counts, message.ref_id, (lender, message.to), message.copies)

    def on_release(self, holder: int, message: Release) -> None:
        """A process gives copies back."""
        for ref_id, sender, copies in message.items:
            counts = self._held.get(ref_id)
            if counts is not None:
                self._add(counts, ref_id, (sender, holder), -copies)

    def process_gone(self, process: int) -> None:
        """It holds nothing any more, and nothing more will come from it."""
        questions: dict[int, list[int]] = {}
        for ref_id, counts in list(self._held.items()):
            for lender, holder in [pair for pair in counts if process in pair]:
                if lender == process and holder not in (process, self._process):
                    questions.setdefault(holder, []).append(ref_id)
                else:
                    del counts[lender, holder]
            self._check(ref_id, counts)
        for holder, ref_ids in questions.items():
            self._say(holder, Audit(process, tuple(ref_ids)))
        for owner, audit in self._audits.pop(process, ()):
            came = (self._received.get(i, {}).get(process, 0) for i in audit.ref_ids)
            self._say(owner, Audited(process, tuple(zip(audit.ref_ids, came, strict=True))))

    def on_audit(self, owner: int, message: Audit) -> None:
        """Answer as soon as we know, too, that the process is dead, and have read all that it sent."""
        self._audits.setdefault(message.process, []).append((owner, message))
        self._watch(message.process)

    def on_audited(self, holder: int, message: Audited) -> None:
        """So many copies of a dead process have come to `holder` that it has not given back yet."""
        for ref_id, copies in message.items:
            counts = self._held.get(ref_id)
            if counts is not None:
                counts[message.process, holder] = copies
                self._check(ref_id, counts)

    def _add(self, counts: Counts, ref_id: int, pair: tuple[int, int], copies: int) -> None:
        holder = pair[1]
        count = counts.get(pair, 0) + copies
        if copies > 0 and pair not in counts and holder not in (self._process, SUPERVISOR):
            self._watch(holder)
        if count:
            counts[pair] = count
        else:
            del counts[pair]
        if count <= 0:
            self._check(ref_id, counts)

    def _check(self, ref_id: int, counts: Counts) -> None:
        if not any(count > 0 for count in counts.values()):
            del self._held[ref_id]
            self._freed(ref_id)

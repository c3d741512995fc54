"""`Belonging`: whether refs and handles that code hands in are of this session.

Not whether the session is still open: the client looks to that. Ids start again with each session, so a ref that has
outlived its own would name some object of the next one, and a handle some other actor: whatever packs values or is
given refs asks here first, while whoever made the mistake can still be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from real_backend.objects import ObjectTable
from simactors.core.calls import Arguments
from simactors.core.codec import Encoded
from simactors.core.refs import ActorRef, ObjectRef, foreign


class Belonging:
    """Safe for threads. Every method raises what `foreign` says for what is of another session.

    Args:
        objects: of this process: its `home` is what every entry of this session has.
    """

    def __init__(self, objects: ObjectTable) -> None:
        self._objects = objects

    def check(self, travellers: Iterable[ObjectRef[Any] | ActorRef]) -> None:
        """Refs and handles."""
        home = self._objects.home
        for traveller in travellers:
            # An entry of another backend is of a kind that we don't know: it has no home, or another one.
            if getattr(traveller.entry, "home", None) is not home:
                raise foreign(traveller)

    def check_packed(self, packed: object) -> None:
        """What a value carries."""
        if type(packed) is Encoded and packed.carried:
            self.check(packed.carried)

    def check_arguments(self, arguments: Arguments) -> None:
        """Those of a call: its refs, and what it carries."""
        self.check(arguments.refs)
        self.check_packed(arguments.packed)

"""What an actor is made of, on its way: the definition of its class and the arguments of its constructor.

Pickled by its owner as one piece of bytes (`pack`), kept by the supervisor, taken apart in each process that becomes
the actor (`unpack`). One piece, because the supervisor knows nothing of refs, buffers and classes.
"""

from __future__ import annotations

import pickle
import sys

from real_backend.client.exports import Export, Imports
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.travel import Travel
from real_backend.messages import Birth, Create
from simactors.core.concurrency import Concurrency


def pack(constructor: PendingCall, concurrency: Concurrency | None, calls: Calls, travel: Travel) -> bytes:
    """The creation in `Furnish`; the refs among the arguments are ready, and none of them failed."""
    export = constructor.target
    assert isinstance(export, Export)
    definition = travel.contained(export.definition)
    values = tuple(travel.contained(v) for v in calls.arrived(constructor))
    packed = travel.contained(constructor.packed)
    parts = export.digest, definition, tuple(sys.path), packed, constructor.bare, values, concurrency
    return pickle.dumps(parts, protocol=5)


def unpack(birth: Birth, imports: Imports, travel: Travel) -> Create:
    """What the worker is to run."""
    digest, definition, sys_path, packed, bare, values, concurrency = pickle.loads(birth.creation)
    imports.add(digest, travel.incoming(definition), sys_path)
    return Create(birth.actor_id, digest, packed, bare, values, concurrency)

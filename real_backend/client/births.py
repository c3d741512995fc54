"""What an actor is made of, on its way: the definition of its class and the arguments of its constructor.

Pickled by its owner as one piece of bytes (`pack`), kept by the supervisor, taken apart in each process that becomes
the actor (`unpack`). One piece, because the supervisor knows nothing of refs, buffers and classes. Not running the
constructor: `actors` packs, `orders` unpacks, and `worker/process` makes the instance.
"""

from __future__ import annotations

import pickle
import sys
from collections import Counter

from real_backend.client.exports import Export, Imports
from real_backend.client.peers import SUPERVISOR
from real_backend.client.pending import Calls, PendingCall
from real_backend.client.travel import Travel, carried_ids
from real_backend.control import Birth, Furnish
from real_backend.messages import Create
from simactors.core.concurrency import Concurrency


def pack(
    constructor: PendingCall, actor_id: int, concurrency: Concurrency | None, calls: Calls, travel: Travel
) -> Furnish:
    """What the supervisor gets; the refs among the arguments are ready, and none of them failed."""
    export = constructor.target
    assert isinstance(export, Export)
    definition = travel.contained(export.definition, SUPERVISOR)
    values = tuple(travel.contained(v, SUPERVISOR) for v in calls.arrived(constructor))
    packed = travel.contained(constructor.packed, SUPERVISOR)
    parts = export.digest, definition, tuple(sys.path), packed, constructor.bare, values, concurrency
    copies = Counter(i for part in (definition, packed, *values) for i in carried_ids(part))
    return Furnish(actor_id, pickle.dumps(parts, protocol=5), tuple(sorted(copies.items())))


def unpack(birth: Birth, imports: Imports, travel: Travel) -> Create:
    """What the worker is to run."""
    digest, definition, sys_path, packed, bare, values, concurrency = pickle.loads(birth.creation)
    imports.add(digest, travel.incoming(definition, SUPERVISOR), sys_path)
    packed = travel.incoming(packed, SUPERVISOR)
    values = tuple(travel.incoming(v, SUPERVISOR) for v in values)
    return Create(birth.actor_id, digest, packed, bare, values, concurrency)

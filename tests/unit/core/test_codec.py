"""Values at process borders: what is copied, what rides beside, what is refused."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest

from simactors.core import codec
from simactors.core.interface import ActorInterface
from simactors.core.refs import ActorRef, ObjectRef


class Entry:
    def __init__(self, number: int) -> None:
        self.id = number


@pytest.mark.parametrize("value", [1, 1.5, "text", b"bytes", True, None, 1j, (), (1, "a", None)])
def test_what_nobody_can_change_travels_as_it_is(value: Any) -> None:
    assert codec.pack(value) is value
    assert codec.unpack(value) is value


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1}, (1, [2]), ((1,),), bytearray(b"x")])
def test_everything_else_is_copied_each_time(value: Any) -> None:
    packed = codec.pack(value)
    assert isinstance(packed, codec.Encoded)
    first, second = codec.unpack(packed), codec.unpack(packed)
    assert first == second == value
    assert first is not second


def test_a_subclass_of_an_atom_is_no_atom() -> None:
    class Labelled(int):
        label = "x"

    assert isinstance(codec.pack(Labelled(1)), codec.Encoded)
    assert isinstance(codec.unpack(codec.pack((Labelled(1),)))[0], Labelled)


def test_large_arrays_go_out_of_band_and_come_back_read_only() -> None:
    array = np.arange(10_000)
    packed = codec.encode({"a": array})
    assert sum(map(len, packed.buffers)) == array.nbytes
    assert len(packed.data) < 1000
    array[0] = 99
    copy = codec.decode(packed)["a"]
    assert copy[0] == 0
    assert not copy.flags.writeable


def test_refs_and_actor_refs_ride_beside_the_pickle_in_order() -> None:
    ref, actor = ObjectRef[int](Entry(1)), ActorRef(Entry(2), ActorInterface(class_name="C", methods={}))
    packed = codec.encode([ref, {"actor": actor}, ref])
    assert packed.carried == (ref, actor)
    first, inner, again = codec.decode(packed)
    assert first is again is ref
    assert inner["actor"] is actor


def test_packing_inside_packing_keeps_the_refs_apart() -> None:
    inner_ref, outer_ref = ObjectRef[int](Entry(1)), ObjectRef[int](Entry(2))

    class Nested:
        def __reduce__(self) -> Any:
            return list, ([codec.encode(inner_ref).data],)

    packed = codec.encode([Nested(), outer_ref])
    assert packed.carried == (outer_ref,)
    assert codec.decode(packed)[1] is outer_ref


def test_a_ref_pickled_by_itself_is_refused() -> None:
    with pytest.raises(TypeError, match="means something only inside its session"):
        pickle.dumps(ObjectRef[int](Entry(1)))


def test_lambdas_and_local_classes_are_sent_as_code() -> None:
    class Local:
        pass

    assert codec.unpack(codec.pack(lambda x: x + 1))(1) == 2
    assert type(codec.unpack(codec.pack(Local()))).__name__ == "Local"


def test_what_cannot_be_pickled_raises_and_leaves_no_scope_behind() -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        codec.pack([threading.Lock()])
    with pytest.raises(TypeError, match="by itself"):
        pickle.dumps(ObjectRef[int](Entry(1)))


def test_threads_do_not_mix_what_they_pack() -> None:
    wrong: list[int] = []

    def pack_own(number: int) -> None:
        ref = ObjectRef[int](Entry(number))
        for _ in range(300):
            if codec.encode([ref, ref]).carried != (ref,):
                wrong.append(number)

    threads = [threading.Thread(target=pack_own, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []

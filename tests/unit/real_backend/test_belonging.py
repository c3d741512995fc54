"""Whose refs and handles are this session's."""

from __future__ import annotations

from typing import Any

import pytest

from real_backend.client.belonging import Belonging
from real_backend.objects import ObjectTable
from simactors.core import codec
from simactors.core.calls import Arguments, pack_arguments
from simactors.core.outcome import Value
from simactors.core.refs import ObjectRef
from tests.unit.real_backend.test_objects import table_of


class Stranger:
    """The entry of another backend."""

    id = 1


def ref_in(table: ObjectTable) -> ObjectRef[Any]:
    entry = table.new()
    entry.outcome = Value(1)
    return ObjectRef(entry)


def arguments_of(*args: Any) -> Arguments:
    arguments = pack_arguments("f", args, {}, by_value=True)
    assert isinstance(arguments, Arguments)
    return arguments


def test_refs_of_the_session_may_stand_and_be_carried_anywhere() -> None:
    ours = table_of(0)
    belonging, ref = Belonging(ours), ref_in(ours)
    belonging.check([ref])
    belonging.check_arguments(arguments_of(ref, [ref], {"x": ref}))
    belonging.check_packed(codec.pack([ref]))
    belonging.check_packed(5)


@pytest.mark.parametrize("stranger", [ref_in(table_of(0)), ObjectRef(Stranger())])
def test_a_ref_of_another_session_is_refused_wherever_it_stands(stranger: ObjectRef[Any]) -> None:
    ours = table_of(0)
    belonging, ref = Belonging(ours), ref_in(ours)
    for check in (
        lambda: belonging.check([ref, stranger]),
        lambda: belonging.check_arguments(arguments_of(stranger)),
        lambda: belonging.check_arguments(arguments_of(ref, 1, [ref, {"x": stranger}])),
        lambda: belonging.check_packed(codec.pack([stranger])),
    ):
        with pytest.raises(ValueError, match=r"ObjectRef\(.*\) belongs to another session"):
            check()

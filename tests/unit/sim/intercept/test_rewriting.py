"""Points in user code: the code does the same, at the same lines."""

from __future__ import annotations

import dis
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simactors.sim.intercept import points, rewriting
from simactors.sim.intercept.rewriting import Granularity

TOTAL = 0


class Owner:
    """Does everything that can be rewritten."""

    def __init__(self) -> None:
        self.v = 0
        self.d: dict[Any, int] = {}
        self.items: list[int] = []
        self.calls = 0

    def plain(self) -> Any:
        old = self.v
        self.v = old + 1
        return self.v

    def augmented(self, n: int = 2) -> Any:
        """It has a docstring."""
        self.v += n
        self.d["a"] = 5
        self.d["a"] *= 2
        self.part().v -= 1
        self.d[self.key()] = 1
        self.d[self.key()] += 1
        self.items += [1]
        return self.v, self.d, self.items, self.calls

    def others(self) -> Any:
        global TOTAL
        local = 1
        local += 1
        TOTAL += local
        x, self.v = 1, 2
        self.items.append(x)
        self.named: int = 4
        del self.d
        return TOTAL, x, self.v, self.items, self.named, hasattr(self, "d")

    def nested(self) -> Any:
        count = 0

        def up() -> int:
            nonlocal count
            count += 1
            return count

        up()
        return up(), [i for i in range(3) if i], (lambda: self.v)()

    def generator(self) -> Any:
        def produce() -> Iterator[int]:
            for i in range(3):
                self.v = i
                yield self.v

        return list(produce())

    def mangled(self) -> Any:
        self.__private = 1
        self.__private += 1
        return self.__private, sorted(vars(self))

    def branches(self, n: int = 3) -> Any:
        try:
            if n == 1:
                self.v = 1
            elif n == 2:
                self.v = 2
            else:
                raise ValueError(n)
        except ValueError as error:
            self.v = error.args[0]
        finally:
            self.calls += 1
        with pytest.raises(ZeroDivisionError):
            self.v //= 0
        return self.v, self.calls

    def part(self) -> Owner:
        self.calls += 1
        return self

    def key(self) -> str:
        self.calls += 1
        return "k"


NAMES = ["plain", "augmented", "others", "nested", "generator", "mangled", "branches"]


class Counts:
    """A simulation that only counts points."""

    def __init__(self) -> None:
        self.lines: list[int] = []

    def preempt(self) -> None:
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        assert frame.f_back.f_back is not None
        self.lines.append(frame.f_back.f_back.f_lineno)


@pytest.fixture
def counts() -> Iterator[Counts]:
    world = Counts()
    points.worlds.append(world)
    yield world
    points.worlds.remove(world)


def with_points(function: Callable[..., Any], granularity: Granularity) -> Any:
    assert isinstance(function, types.FunctionType)
    code = rewriting.rewritten(function.__code__, granularity, with_asserts=True)
    assert code is not None
    return types.FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )


def result_of(function: Callable[..., Any]) -> Any:
    globals()["TOTAL"] = 0
    return function(Owner())


@pytest.mark.parametrize("granularity", ["stores", "lines"])
@pytest.mark.parametrize("name", NAMES)
def test_rewritten_code_does_the_same(name: str, granularity: Granularity, counts: Counts) -> None:
    plain = getattr(Owner, name)
    new = with_points(plain, granularity)
    assert result_of(new) == result_of(plain)
    assert counts.lines


@pytest.mark.parametrize("granularity", ["stores", "lines"])
@pytest.mark.parametrize("name", NAMES)
def test_rewritten_code_has_the_same_lines(name: str, granularity: Granularity) -> None:
    plain = getattr(Owner, name)
    new = with_points(plain, granularity)
    assert lines_of(new.__code__) == lines_of(plain.__code__)
    assert new.__code__.co_filename == plain.__code__.co_filename
    assert new.__code__.co_firstlineno == plain.__code__.co_firstlineno


def lines_of(code: types.CodeType) -> list[int]:
    lines = {line for _, line in dis.findlinestarts(code) if line}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            lines.update(lines_of(constant))
    return sorted(lines)


def test_points_stand_between_the_value_and_its_store(counts: Counts) -> None:
    seen: list[int] = []
    owner = Owner()
    counts.preempt = lambda: seen.append(owner.v)  # type: ignore[method-assign]  # looks instead of counting
    with_points(Owner.augmented, "stores")(owner)
    assert seen[0] == 0
    assert owner.v == 1


def test_a_tracebacks_frame_and_line_are_the_users() -> None:
    owner = Owner()
    owner.d = None  # type: ignore[assignment]  # so that a line fails
    with pytest.raises(TypeError) as info:
        with_points(Owner.augmented, "stores")(owner)
    last = info.traceback[-1]
    assert (last.name, str(last.statement).strip()) == ("augmented", 'self.d["a"] = 5')


def test_what_was_loaded_from_elsewhere_is_left_alone() -> None:
    namespace: dict[str, Any] = {}
    exec("def f(self):\n    self.v += 1\n", namespace)
    assert rewriting.rewritten(namespace["f"].__code__, "stores", with_asserts=False) is None


def test_asserts_say_what_was_compared_if_they_did() -> None:
    def check(owner: Owner) -> None:
        owner.v = 3
        assert owner.v == 4, "not so"

    with pytest.raises(AssertionError, match=r"not so\n *assert 3 == 4"):
        with_points(check, "stores")(Owner())

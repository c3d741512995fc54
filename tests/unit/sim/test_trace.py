"""The digest: what it depends on and what it doesn't."""

from __future__ import annotations

from simactors.sim import trace
from simactors.sim.trace import Row, Trace


def row(i: int) -> Row:
    return (i, "call", i, "driver", f"f{i % 3}")


def test_the_bytes_under_the_digest_are_the_same_on_every_python() -> None:
    cells = [0, "call", 2**40, "driver", "Log.add", -1, "é", 0, "", "x"]
    numbers = "28020000002802000000690000000069ffffffff28020000006c030000000000000000046900000000"
    words = "call\0é\0driver\0\0Log.add\0x".encode()
    assert trace._bytes(cells) == bytes.fromhex(numbers) + words


def test_equal_records_have_equal_digests_however_their_strings_were_made() -> None:
    one, two = Trace(10), Trace(10)
    for i in range(3 * trace._FULL):
        one.add(row(i))
        two.add((i, "".join(["ca", "ll"]), i, "driver", "f" + str(i % 3)))
        two.fold()
    assert one.digest != Trace(10).digest
    assert one.digest == two.digest


def test_looking_at_the_digest_does_not_change_what_it_will_be() -> None:
    watched, unwatched = Trace(10), Trace(10)
    for i in range(3 * trace._FULL):
        for t in (watched, unwatched):
            t.add(row(i))
            t.fold()
        assert watched.digest
    assert watched.digest == unwatched.digest


def test_any_other_record_gives_another_digest() -> None:
    digests = set()
    for changed in [row(1), (2, *row(1)[1:]), (1, "start", *row(1)[2:]), (*row(1)[:4], "g")]:
        t = Trace(10)
        t.add(changed)  # type: ignore[arg-type]
        digests.add(t.digest)
    assert len(digests) == 4


def test_the_last_records_are_kept_oldest_first() -> None:
    t = Trace(keep=5)
    for i in range(2 * trace._FULL + 3):
        t.add(row(i))
        t.fold()
    newest = 2 * trace._FULL + 2
    assert [r.time_ns for r in t.last(4)] == [newest - 3, newest - 2, newest - 1, newest]
    assert t.last(0) == []
    assert str(t.last(1)[0]).split() == [
        f"{newest / 1e9:.6f}s",
        "driver",
        "calls",
        f"f{newest % 3}",
        f"#{newest}",
    ]

"""The digest: what it depends on and what it doesn't."""

from __future__ import annotations

import marshal

from simactors.sim import trace
from simactors.sim.trace import Row, Trace


def row(i: int) -> Row:
    return (i, "call", i, "driver", f"f{i % 3}")


def test_the_bytes_under_the_digest_are_the_same_on_every_python() -> None:
    rows = [(0, "call", 2**40, "driver", "Log.add"), (-1, "é", 0, "", "x")]
    assert marshal.dumps(rows, trace._MARSHAL).hex() == (
        "5b02000000280500000069000000007504000000" + b"call".hex() + "6c0300000000000000000475060000"
        "00" + b"driver".hex() + "7507000000" + b"Log.add".hex() + "280500000069ffffffff7502000000c3a9"
        "6900000000750000000075010000" + "00" + b"x".hex()
    )


def test_equal_records_have_equal_digests_however_their_strings_were_made() -> None:
    one, two = Trace(10), Trace(10)
    for i in range(3 * trace._FULL):
        one.add(row(i))
        two.add((i, "".join(["ca", "ll"]), i, "driver", "f" + str(i % 3)))
    one.fold()
    assert one.digest != Trace(10).digest
    two.fold()
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

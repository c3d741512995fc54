"""The sum of what all processes take, and the limit of it."""

from __future__ import annotations

from pathlib import Path

from real_backend.memory import ledger
from real_backend.memory.ledger import Ledger, Usage


def test_the_limit_holds_for_all_accounts_together() -> None:
    page = Ledger.create(100)
    for account in (0, 1):
        page.open_account(account)
    assert page.take(0, 60, 1)
    assert not page.take(1, 50, 1)
    assert page.usage() == Usage(60, 1)
    assert page.take(1, 40, 1)
    assert page.usage() == Usage(100, 2)
    page.close()


def test_a_closed_account_holds_nothing() -> None:
    page = Ledger.create(100)
    for account in (0, 1):
        page.open_account(account)
        assert page.take(account, 50, 1)
    page.close_account(1)
    assert page.usage() == Usage(50, 1)
    page.open_account(1)
    assert page.take(1, 50, 1)
    page.close()


def test_others_see_it() -> None:
    page = Ledger.create(100)
    page.open_account(0)
    other = Ledger(page.fd)
    assert other.take(0, 10, 1)
    assert page.usage() == Usage(10, 1)
    page.close()


def test_trims_are_counted_for_open_accounts_only() -> None:
    page = Ledger.create(100)
    for account in (0, 1):
        page.open_account(account)
    page.has_trimmed(1)
    page.close_account(0)
    assert page.trims() == [0, 2]
    page.close()


def test_the_limit_of_a_control_group_and_of_those_above_it_count(tmp_path: Path) -> None:
    mount, membership = tmp_path / "cgroup", tmp_path / "membership"
    inner = mount / "outer" / "inner"
    inner.mkdir(parents=True)
    (mount / "memory" / "v1").mkdir(parents=True)
    (inner / "memory.max").write_text("max\n")
    (mount / "outer" / "memory.max").write_text("3000\n")
    (mount / "memory" / "v1" / "memory.limit_in_bytes").write_text("5000\n")
    membership.write_text("0::/outer/inner\n4:cpu,memory:/v1\n2:pids:/v1\n")
    assert sorted(ledger.group_limits(mount, membership)) == [3000, 5000]
    assert ledger.group_limits(mount, tmp_path / "missing") == []


def test_the_default_is_a_share_of_the_machine() -> None:
    assert 0 < ledger.default_limit() < 1 << 50


def test_what_can_never_have_room_is_told_without_what_is_taken() -> None:
    page = Ledger.create(100)
    page.open_account(0)
    assert page.take(0, 60, 0)  # kept warm, and not asked back for what does not fit in any case
    assert "an object needs 101 bytes, and 100 are allowed" in str(page.full(101))
    assert "take" not in str(page.full(101))
    assert "0 large objects take 60 bytes, 50 more are needed" in str(page.full(50))
    page.close()

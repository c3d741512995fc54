"""`simactors replay` as a user calls it: the same run again, stopped on the way, debugged, or of a changed program."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.command import Done, called, started

SHOP = """
    import simactors as ray

    @ray.remote
    class Account:
        def __init__(self, owner):
            self.owner, self.balance = owner, 10
        def take(self, amount):
            left = self.balance - amount
            if left < 0:
                raise ValueError(f"{self.owner} has only {self.balance}")
            self.balance = left
            return left

    class Shy:
        def __repr__(self):
            print("asked")
            raise RuntimeError("no")

    @ray.remote
    class Odd:
        def __init__(self):
            self.shy = Shy()
        async def nothing(self):
            return 0

    @ray.remote
    def shop(account, price):
        try:
            ray.get(account.take.remote(100))
        except ValueError:
            pass
        return ray.get(account.take.remote(price))

    def main():
        account, odd = Account.remote("ann"), Odd.remote()
        ray.get(odd.nothing.remote())
        for price in [3, 4, 5]:
            print("left", ray.get(shop.remote(account, price)))

    def lonely():
        never = shop.remote(Account.remote("bob"), 1)
        ray.get(Account.options(num_cpus=99).remote("too large").take.remote(1))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(textwrap.dedent(SHOP))
    return tmp_path


def simactors(folder: Path, *args: str, stdin: str = "") -> Done:
    done = called(*args, cwd=folder, stdin=stdin)
    assert "This is a fault of simactors" not in done.stderr
    return done


def last_line(done: Done) -> dict[str, Any]:
    fields = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(fields, dict)
    return fields


def token_of(done: Done) -> str:
    return done.stderr.split("simactors replay ")[-1].split()[0]


LOOKING = """\
actors
show Account#1
show Odd#1
show driver
p Account#1.balance + 1
p 1 / 0
p Acount#1
messages
blocked
trace 2
shwo
step 0x
until 1us
step 2
next 1ms
until step 20
actors
"""


def test_looking_at_a_run_that_stands_still_changes_nothing_of_it(folder: Path) -> None:
    plain = simactors(folder, "run", "app.py:main", "--seed", "3", "--json")
    token = token_of(plain)
    looked = simactors(folder, "replay", token, "--until", "2ms", "--json", stdin=LOOKING)
    assert last_line(looked) == {
        **last_line(plain),
        "reproduced": True,
        "differences": [],
        "departure": None,
        "unused": 0,
    }
    assert looked.returncode == 1
    told = looked.stdout
    assert "  balance = 10\n" in told
    assert "<Shy, whose repr() raised RuntimeError>  (and printed 'asked\\n')" in told
    assert "(simactors) 11\n" in told
    assert "ZeroDivisionError: division by zero" in told
    assert "there is no living actor 'Acount#1'" in told
    assert "in main" in told
    assert "there is no command 'shwo'. Did you mean 'show'?" in told
    assert "'0x' is no number" in told
    assert "is not ahead" in told
    assert told.count("stopped at") == 4


def test_a_run_can_be_ended_at_a_stop(folder: Path) -> None:
    done = simactors(folder, "run", "app.py:main", "--until", "step 5", "--json", stdin="quit\nactors\n")
    assert done.returncode == 130
    assert last_line(done)["outcome"] == "interrupted"
    assert "has neither passed nor failed" in done.stderr
    assert "before step 5:" in done.stdout


def test_a_moment_that_never_comes_is_told(folder: Path) -> None:
    done = simactors(folder, "run", "app.py:main", "--until", "99s")
    assert "the run ended before 99s" in done.stderr
    wrong = simactors(folder, "run", "app.py:main", "--until", "noon")
    assert wrong.returncode == 2
    assert "1.25s, 250ms" in wrong.stderr


def test_pdb_opens_in_the_actors_line_that_raised_with_all_who_waited_for_it(folder: Path) -> None:
    plain = simactors(folder, "run", "app.py:main", "--json")
    stdin = "w\np self.balance, amount\nup\np price\nup\np account is not None\ncontinue\n"
    done = simactors(folder, "replay", token_of(plain), "--pdb", "--json", stdin=stdin)
    assert last_line(done)["reproduced"] is True
    assert done.returncode == 1
    where = done.stdout.index("main()")
    assert where < done.stdout.index("shop()", where) < done.stdout.index("take()", where)
    assert "stopped where ValueError was raised, by Account.take #" in done.stdout
    assert "(Pdb) (3, 5)" in done.stdout
    assert "(Pdb) 5" in done.stdout
    assert "(Pdb) True" in done.stdout
    assert done.stdout.count("left 7") == 1  # the first of its two runs is silent


def test_pdb_stops_a_deadlock_where_the_driver_waits(folder: Path) -> None:
    done = simactors(folder, "run", "app.py:lonely", "--pdb", "--json", stdin="p never is None\n")
    assert last_line(done)["kind"] == "DeadlockError"
    assert "lonely()" in done.stdout
    assert "(Pdb) False" in done.stdout


def test_pdb_has_nothing_to_do_in_a_run_that_passes(folder: Path) -> None:
    (folder / "fine.py").write_text("print('fine')")
    done = simactors(folder, "run", "fine.py", "--pdb")
    assert (done.returncode, done.stdout) == (0, "fine\n")
    assert "nothing failed" in done.stderr


def test_a_trace_tells_every_step_with_the_arguments_of_calls_and_draws_a_short_run(folder: Path) -> None:
    plain = simactors(folder, "run", "app.py:main", "--json")
    done = simactors(folder, "replay", token_of(plain), "--trace", "--json")
    assert last_line(done)["digest"] == last_line(plain)["digest"]
    assert "calls     Account.take(100) #" in done.stderr
    assert "creates   Account.__init__('ann') #" in done.stderr
    assert "processes, " in done.stderr  # of the drawing
    assert "left 7" in done.stdout


def test_a_replay_runs_under_the_hash_seed_of_the_first_run(folder: Path) -> None:
    (folder / "hashes.py").write_text("print(hash('text'))\nassert False")
    first = started("run", "hashes.py", cwd=folder, PYTHONHASHSEED="7")
    again = started("replay", token_of(first), "--json", cwd=folder)
    assert again.stderr.startswith("the first run had PYTHONHASHSEED=7: starting again under it")
    assert again.stdout.splitlines()[0] == first.stdout.splitlines()[0]
    assert last_line(again)["reproduced"] is True


RACE = """
    import simactors as ray

    @ray.remote
    class Account:
        def __init__(self):
            self.balance = 0
        def read(self):
            return self.balance
        def write(self, balance):
            self.balance = balance

    @ray.remote
    def add(account):
        balance = ray.get(account.read.remote())
        ray.get(account.write.remote(balance + 1))

    def main():
        account = Account.remote()
        ray.get([add.remote(account) for _ in range(2)])
        assert ray.get(account.read.remote()) == 2
"""


def test_a_replay_of_a_changed_program_says_where_it_left_the_path(tmp_path: Path) -> None:
    path = tmp_path / "race.py"
    path.write_text(textwrap.dedent(RACE))
    found = simactors(tmp_path, "hunt", "race.py:main", "--json", "--shrink-time", "1s")
    repro = last_line(found)["failures"][0]["file"]
    path.write_text(path.read_text().replace("write", "put"))
    done = simactors(tmp_path, "replay", repro, "--json")
    assert "NOT reproduced" in done.stderr
    assert (
        "was another one: Account.put (message 1) from add#1 to Account#1, its code at race.py:"
        in done.stderr
    )
    assert "The program was changed since" in done.stderr
    assert last_line(done)["departure"]["same"] > 0

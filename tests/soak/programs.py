"""The programs of the soak. Each may have any of its processes killed or stopped at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import simactors as ray
from simactors import exceptions
from tests.soak import remote
from tests.soak.play import Made, Play, SoakError
from tests.soak.remote import ARRAY, AWAY, CANCELED, CRASHED, DEAD, OWNER, BoomError

Errors = tuple[type[Exception], ...]


def _lives(play: Play) -> tuple[dict[str, int], Errors, bool]:
    """Options of an actor about its death, the errors its calls may end in, whether they may run again."""
    restarts = play.rng.choice([0, 0, 1, 3, -1])
    retries = play.rng.choice([0, 0, 2, -1]) if restarts else 0
    allowed: Errors = ()
    if restarts >= 0:
        allowed += (DEAD,)
    if restarts and retries >= 0:
        allowed += (AWAY,)
    return {"max_restarts": restarts, "max_task_retries": retries}, allowed, retries != 0


def plain(play: Play) -> None:
    """Bursts of calls to an actor; some wait for refs, some raise, and it may be killed between them."""
    options, allowed, again = _lives(play)
    if play.rng.random() < 0.3:
        options["num_cpus"] = 1
    actor = remote.Account.options(**options).remote()
    made: list[Made] = []
    for n in range(play.rng.randrange(3, 50)):
        kind = play.rng.random()
        if kind < 0.1:
            late = play.call(remote.echo, n, 0.01, allowed=(CRASHED,), again=True)
            made.append(late)
            may = (*allowed, CRASHED)
            made.append(play.call(actor.echo, late.ref, expected=n, allowed=may, again=again, line=play.name))
        elif kind < 0.2:
            method = actor.boom.options(retry_exceptions=True, max_task_retries=1)
            may = (*allowed, DEAD, AWAY, BoomError) if options["max_restarts"] else (*allowed, BoomError)
            made.append(play.call(method, n, expected=n, allowed=may, again=True))
        elif kind < 0.22:
            no_restart = play.rng.random() < 0.5
            ray.kill(actor, no_restart=no_restart)
            if no_restart:
                allowed = (DEAD, *allowed)
                for call in made:
                    call.allowed = (DEAD, *call.allowed)
        else:
            pause_s = 0.005 if kind > 0.9 else 0.0
            made.append(
                play.call(actor.echo, n, pause_s, expected=n, allowed=allowed, again=again, line=play.name)
            )
    if play.rng.random() < 0.5:
        del actor  # calls under way go on
    play.settle(made)


def threaded(play: Play) -> None:
    """A threaded actor whose calls wait for tasks."""
    options, allowed, again = _lives(play)
    actor = remote.Account.options(max_concurrency=3, **options).remote()
    made = [
        play.call(actor.echo, n, 0.01, expected=n, allowed=allowed, again=again)
        if play.rng.random() < 0.6
        else play.call(actor.child, n, expected=n, allowed=(*allowed, CRASHED), again=again)
        for n in range(20)
    ]
    play.settle(made)


def asynchronous(play: Play) -> None:
    """An async actor; some of its calls are cancelled."""
    options, allowed, again = _lives(play)
    actor = remote.Waiter.options(**options).remote()
    made = []
    for n in range(30):
        if play.rng.random() < 0.3:
            made.append(play.call(actor.through, n, expected=n, allowed=(*allowed, CRASHED), again=again))
        else:
            pause_s = play.rng.random() / 20
            made.append(play.call(actor.echo, n, pause_s, expected=n, allowed=allowed, again=again))
    for call in made:
        if play.rng.random() < 0.2:
            call.allowed = (*call.allowed, CANCELED)
            ray.cancel(call.ref)
    play.settle(made)


def tasks(play: Play) -> None:
    """Tasks in chains, with retries or not, that crash and raise."""
    made: list[Made] = []
    for n in range(play.rng.randrange(5, 25)):
        retries = play.rng.choice([0, 3, -1])
        allowed: Errors = () if retries == -1 else (CRASHED,)
        again = retries != 0
        kind = play.rng.random()
        if kind < 0.1:
            made.append(
                play.call(remote.crash, allowed=(CRASHED,), again=again, max_retries=min(retries, 2) % 3)
            )
        elif kind < 0.25:
            call = remote.boom.options(max_retries=-1, retry_exceptions=[BoomError])
            made.append(play.call(call, 1, n, expected=n, again=True))
        elif kind < 0.5 and len(made) > 1:
            one, other = play.rng.sample(made, 2)
            may = (*allowed, *one.allowed, *other.allowed)
            made.append(
                play.call(remote.add, one.ref, other.ref, allowed=may, again=again, max_retries=retries)
            )
        else:
            made.append(
                play.call(
                    remote.echo, n, kind / 100, expected=n, allowed=allowed, again=again, max_retries=retries
                )
            )
    play.settle(made)


def trees(play: Play) -> None:
    """Tasks that wait for their children."""
    depth, width = play.rng.choice([(1, 4), (2, 3), (3, 2)])
    play.settle([play.call(remote.tree, depth, width, expected=width**depth, allowed=(CRASHED,), again=True)])


def streams(play: Play) -> None:
    """Generators: of tasks, of actors and of async actors; taken, half taken, dropped."""
    n = play.rng.randrange(1, 40)
    options: dict[str, Any] = {"num_returns": "streaming"}
    if play.rng.random() < 0.5:
        options["_generator_backpressure_num_objects"] = play.rng.randrange(1, 4)
    kind = play.rng.random()
    promise = play.promise(again=True)
    if kind < 0.5:
        options["max_retries"] = play.rng.choice([0, 3])
        size = play.rng.choice([0, 0, ARRAY])
        items = remote.count.options(**options).remote(play.journal, promise.token, n, size)
        allowed: Errors = (CRASHED,)
    else:
        cls = remote.Account if kind < 0.75 else remote.Waiter
        lives, allowed, _ = _lives(play)
        size, actor = 0, cls.options(**lives).remote()
        items = actor.count.options(**options).remote(play.journal, promise.token, n)
    taken = 0
    for ref in items:
        try:
            value = play.get(ref, f"item {taken} of {promise.token}")
        except allowed as error:
            play.kinds.append(type(error).__name__)
            return
        if (int(value[0]) if size else value) != (taken % 250 if size else taken):
            raise SoakError(f"{promise.token}: item {taken} is {value!r}")
        taken += 1
        if play.rng.random() < 0.02:
            return
    if taken != n:
        raise SoakError(f"{promise.token} has given {taken} items instead of {n}")
    promise.answered = True


def cancels(play: Play) -> None:
    """Tasks that are cancelled: before, while and after they run."""
    made = []
    for n in range(play.rng.randrange(4, 20)):
        again = play.rng.random() < 0.5
        made.append(
            play.call(
                remote.echo,
                n,
                play.rng.random() / 5,
                expected=n,
                allowed=(CRASHED, CANCELED),
                again=again,
                max_retries=3 if again else 0,
            )
        )
    for call in made:
        if play.rng.random() < 0.5:
            time.sleep(play.rng.random() / 100)
            ray.cancel(call.ref, force=play.rng.random() < 0.5)
    blocked = play.call(remote.tree, 2, 3, allowed=(CRASHED, CANCELED), again=True)
    time.sleep(play.rng.random() / 20)
    ray.cancel(blocked.ref)
    play.settle([*made, blocked])


def named(play: Play) -> None:
    """A named actor, found by tasks; perhaps detached."""
    lifetime = play.rng.choice([None, "detached"])
    restarts = play.rng.choice([0, -1])
    actor = remote.Account.options(name=play.name, lifetime=lifetime, max_restarts=restarts).remote()
    allowed: Errors = (DEAD, AWAY, CRASHED, ValueError)
    made = [
        play.call(
            remote.through,
            play.name if play.rng.random() < 0.5 else actor,
            n,
            expected=n,
            allowed=allowed,
            max_retries=0,
        )
        for n in range(8)
    ]
    if play.rng.random() < 0.3 and lifetime is not None:
        del actor
    play.settle(made)
    try:
        ray.kill(ray.get_actor(play.name))
    except ValueError:
        if restarts == -1:
            raise


def ring(play: Play) -> None:
    """Refs go round a ring of actors that hold each other's handles."""
    actors = [remote.Account.options(max_restarts=play.rng.choice([0, 1])).remote() for _ in range(4)]
    may: Errors = (DEAD, AWAY, OWNER, CRASHED)
    links = [
        play.call(actor.follow, following, allowed=may)
        for actor, following in zip(actors, [*actors[1:], actors[0]], strict=True)
    ]
    play.settle(links)
    data = [ray.put(remote.array(ARRAY, 1)), ray.put(remote.array(10, 2))]
    # Never round: a plain actor that waits for itself waits for ever.
    made = [
        play.call(actors[0].pass_on, hops, data, expected=ARRAY + 20, allowed=may)
        for hops in play.rng.choices(range(4), k=3)
    ]
    del data
    made.append(play.call(actors[3].keep, actors[:2], expected=2, allowed=may))
    play.settle(made)
    for actor in actors:  # who hold each other would live for ever, on Ray too
        ray.kill(actor)


def arrays(play: Play) -> None:
    """Large values as arguments, results, and put."""
    options, allowed, again = _lives(play)
    actor = remote.Account.options(**options).remote()
    size = play.rng.choice([ARRAY, 4 * ARRAY, 1000])
    made = []
    for _ in range(play.rng.randrange(2, 8)):
        letter = play.rng.randrange(1, 200)
        data = remote.array(size, letter)
        kind = play.rng.randrange(4)
        if kind == 0:
            made.append(play.call(remote.echo, data, expected=data, allowed=(CRASHED,), again=True))
        elif kind == 1:
            made.append(
                play.call(
                    actor.make, size, letter, expected=data, allowed=allowed, again=again, line=play.name
                )
            )
        else:
            shared = ray.put(data)
            value = letter * size
            made.append(play.call(remote.sum_of, shared, expected=value, allowed=(CRASHED,), again=True))
            made.append(
                play.call(actor.sum_of, shared, expected=value, allowed=allowed, again=again, line=play.name)
            )
    if play.rng.random() < 0.5:
        made = made[::2]
    play.settle(made)


def borrowed(play: Play) -> None:
    """Refs that workers own, read here and lent further."""
    n = play.rng.randrange(1, 4)
    size = play.rng.choice([10, ARRAY])
    (refs,) = play.settle([play.call(remote.refs_of, n, size, allowed=(CRASHED,), again=True)])
    if refs is None:
        return
    may: Errors = (CRASHED, OWNER, DEAD, AWAY)
    made = [
        play.call(remote.forward, refs, expected=2 * n + 2 * n * size, allowed=may, max_retries=0)
        for _ in range(2)
    ]
    for index, ref in enumerate(refs):
        if play.rng.random() < 0.7:
            try:
                value = play.get(ref, f"ref {index} of {made[0].promise.token}")
            except (OWNER, CRASHED) as error:
                play.kinds.append(type(error).__name__)
            else:
                if value.sum() != size:
                    raise SoakError(f"{play.name}: a borrowed array is {value!r}")
    del refs
    play.settle(made)


def kept(play: Play) -> None:
    """Refs that an actor owns, which then goes."""
    actor = remote.Account.remote()
    (refs,) = play.settle([play.call(actor.store, ARRAY, 3, allowed=(DEAD,))])
    if refs is None:
        return
    if play.rng.random() < 0.3:
        ray.kill(actor)
    elif play.rng.random() < 0.5:
        del actor
    made = [play.call(remote.sum_of, refs[0], expected=3 * ARRAY, allowed=(OWNER, CRASHED), again=True)]
    try:
        play.get(refs[0], "what an actor owns")
    except OWNER as error:
        play.kinds.append(type(error).__name__)
    play.settle(made)


def crashes(play: Play) -> None:
    """Actors that end themselves."""
    options, allowed, again = _lives(play)
    actor = remote.Account.options(**options).remote()
    leaves = play.rng.random() < 0.5
    allowed = (*allowed, DEAD) if leaves else allowed
    made = [play.call(actor.echo, n, expected=n, allowed=allowed, again=again) for n in range(5)]
    if leaves:
        made.append(play.call(actor.leave, allowed=allowed, again=again))
    else:
        call = actor.crash.options(max_task_retries=0)
        made.append(play.call(call, allowed=(*allowed, AWAY)))
    made += [play.call(actor.echo, n, expected=n, allowed=allowed, again=again) for n in range(5)]
    play.settle(made)


def wide(play: Play) -> None:
    """Tasks that need several CPUs beside many that need one."""
    made = []
    for n in range(20):
        cpus = play.rng.choice([0.5, 1, 2])
        made.append(
            play.call(remote.echo, n, 0.005, expected=n, allowed=(CRASHED,), again=True, num_cpus=cpus)
        )
    play.settle(made)


def births(play: Play) -> None:
    """Constructors that wait for refs, take time, raise, crash; actors that are killed before they are there."""
    made: list[Made] = []
    for _ in range(play.rng.randrange(1, 5)):
        ends = play.rng.choice(["well", "well", "raises", "crashes"])
        restarts = play.rng.choice([0, 1, -1 if ends != "crashes" else 2])
        size = play.rng.choice([10, ARRAY])
        given = play.call(remote.echo, remote.array(size, 1), 0.02, allowed=(CRASHED,), again=True)
        made.append(given)
        born = play.promise(again=True)
        actor = remote.Born.options(max_restarts=restarts).remote(
            play.journal, born.token, given.ref, play.rng.random() / 20, ends
        )
        allowed: Errors = (DEAD, AWAY)
        made += [
            play.call(actor.given_back, expected=remote.array(size, 1), allowed=allowed, line=born.token)
            for _ in range(5)
        ]
        if play.rng.random() < 0.2:
            ray.kill(actor, no_restart=play.rng.random() < 0.7)
        if play.rng.random() < 0.5:
            del actor, given
    play.settle(made)


def families(play: Play) -> None:
    """Actors that make actors, and give their handles away."""
    restarts = play.rng.choice([0, 1])
    born = play.promise(again=True)
    parent = remote.Born.options(max_restarts=restarts).remote(play.journal, born.token, 1, 0.0, "well")
    allowed: Errors = (DEAD, AWAY)
    made = [play.call(parent.nanny, n, expected=n, allowed=allowed) for n in range(3)]
    (children,) = play.settle([play.call(parent.bear, 3, allowed=allowed)])
    if children is None:
        return
    if play.rng.random() < 0.4:
        ray.kill(parent, no_restart=False)
    for n in range(12):
        child = play.rng.choice(children)
        if play.rng.random() < 0.5:
            made.append(play.call(child.echo, n, expected=n, allowed=allowed))
        else:
            may = (*allowed, CRASHED)
            made.append(play.call(remote.through, child, n, expected=n, allowed=may, max_retries=0))
    if play.rng.random() < 0.5:
        del parent, children, child
    play.settle(made)


def meddlers(play: Play) -> None:
    """Calls that others wait for, and cancel."""
    owned = [
        play.call(remote.echo, n, n / 200, expected=n, allowed=(CRASHED, CANCELED), again=True)
        for n in range(play.rng.randrange(2, 12))
    ]
    refs = [m.ref for m in owned]
    made = [
        play.call(remote.impatient, refs, expected=len(refs), allowed=(CRASHED,), again=True)
        for _ in range(2)
    ]
    if play.rng.random() < 0.5:
        made.append(play.call(remote.cancel_all, refs, expected=len(refs), allowed=(CRASHED,), again=True))
    stream = play.promise()
    items = remote.count.options(num_returns="streaming", max_retries=0).remote(
        play.journal, stream.token, 500, 0
    )
    time.sleep(play.rng.random() / 100)
    ray.cancel(items)
    try:
        for number, ref in enumerate(items):
            if play.get(ref, f"item {number} of {stream.token}") != number:
                raise SoakError(f"{stream.token}: item {number} is another one")
    except (CRASHED, CANCELED) as error:
        play.kinds.append(type(error).__name__)
    pending = list(refs)
    while pending:
        _, pending = ray.wait(pending, timeout=0.002)
    play.settle([*owned, *made])


def returns(play: Play) -> None:
    """Calls with several results, and with a list of refs that the worker has made."""
    kinds: list[Any] = [3, "dynamic"]
    for num_returns in play.rng.sample(kinds, 2):
        retries = play.rng.choice([0, 3])
        promise = play.promise(again=retries != 0)
        size = play.rng.choice([0, ARRAY])
        function = remote.count.options(num_returns=num_returns, max_retries=retries)
        made = function.remote(play.journal, promise.token, 3, size)
        try:
            refs = list(play.get(made, promise.token)) if num_returns == "dynamic" else made
            values = [play.get(ref, f"result {n} of {promise.token}") for n, ref in enumerate(refs)]
        except CRASHED as error:
            play.kinds.append(type(error).__name__)
            continue
        promise.answered = True
        if [int(v[0]) if size else v for v in values] != [0, 1, 2]:
            raise SoakError(f"{promise.token} gave {values}")
        last = play.call(remote.echo, refs[2], allowed=(CRASHED,), again=True)
        del made, refs
        play.settle([last])


def crowded(play: Play) -> None:
    """An actor that takes a few calls only, and no more of them for those that are lost."""
    options, allowed, again = _lives(play)
    actor = remote.Account.options(max_pending_calls=4, **options).remote()
    made: list[Made] = []
    for n in range(30):
        try:
            made.append(play.call(actor.echo, n, 0.002, expected=n, allowed=allowed, again=again))
        except exceptions.PendingCallsLimitExceeded:
            play.promises.pop()  # never sent
            play.settle(made[-4:])
            made = made[:-4]
    play.settle(made)


PROGRAMS: list[Callable[[Play], None]] = [
    plain,
    plain,
    threaded,
    asynchronous,
    tasks,
    trees,
    streams,
    streams,
    cancels,
    named,
    ring,
    arrays,
    borrowed,
    kept,
    crashes,
    wide,
    births,
    families,
    meddlers,
    returns,
    crowded,
]

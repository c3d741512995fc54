"""Virtual time and who runs next.

SimPy keeps the clock and the queue of what is due later. What is ready at one instant goes to the kernel's own list,
and `Choices` picks. The kernel knows nothing of actors or objects: it runs steps, and suspends and wakes waiters.
"""

from __future__ import annotations

import gc
from asyncio import _get_running_loop, _set_running_loop
from collections.abc import Callable, Mapping
from heapq import heappop
from sys import get_asyncgen_hooks, set_asyncgen_hooks
from typing import Any, NoReturn

from simpy.events import NORMAL

from simactors import exceptions
from simactors.core.choices import Choices
from simactors.sim import fiber
from simactors.sim.agenda import Agenda, End, Step
from simactors.sim.config import NS
from simactors.sim.offer import Offer
from simactors.sim.offers import Offers
from simactors.sim.trace import Trace
from simactors.sim.waiting import Process, SleepUntil, Timer, Waiter

_STEPS_BETWEEN_CHECKS = 128
_STEPS_BETWEEN_COLLECTIONS = 100_000
_MOST_CANCELLED = 1000
_MOST_ENDINGS = 1000


class Kernel:
    """One run's clock, ready list and suspended code.

    Attributes:
        ready: the steps that can happen at this instant, in the order in which they became ready.
        steps: how many steps have run.
        now_ns: virtual nanoseconds since the start.
        closing: the simulation is over: code that waits is being ended.
        has_failed: the driver was told that the run can't go on.
        on_closing: called at the end, the oldest first, while code still waits.
        on_close: called then, the oldest first, when no code waits any more.
        check_limits: called now and then; raises `LimitError` at a limit that the kernel itself does not know.
        check_interrupt: called now and then, and before the run is given up; raises `KeyboardInterrupt` if the user
            wants its end and the driver has not heard of it.
        explain_standstill: says who waits for what. Both are bound by `machine.py`.
        offers: what may happen next, if the order is explored; None if latencies are drawn.
        push, next_number: put an event on SimPy's queue: ``push((time_ns, NORMAL, next_number(), event))``.
    """

    def __init__(
        self,
        choices: Choices,
        trace: Trace,
        *,
        max_steps: int,
        max_virtual_time_s: float,
        steps_between_checks: int = _STEPS_BETWEEN_CHECKS,
        slack_ns: Mapping[str, int] | None = None,
    ) -> None:
        self.choices = choices
        self.ready: list[Step] = []
        self.steps = self.now_ns = 0
        self.closing = self.has_failed = False
        self.on_closing: list[Callable[[], None]] = []
        self.on_close: list[Callable[[], None]] = []
        self._trace = trace
        self._max_steps = max_steps
        self._between_checks = min(steps_between_checks, _STEPS_BETWEEN_CHECKS)
        self._next_check = self._next_house = min(self._between_checks, max_steps)
        self._look: Callable[[Any], None] | None = None
        self._next_collection = _STEPS_BETWEEN_COLLECTIONS
        self._max_ns = int(max_virtual_time_s * NS)
        self._clock = Agenda(self.ready, self._max_ns)
        self.push = self._clock.push
        self.next_number = self._clock.next_number
        self.offers: Offers | None = None
        if slack_ns is not None:
            self.offers = Offers(self.ready, self._clock.queue, choices, self.next_number, slack_ns)
            self.push = self.offers.push
        self._on_timer = (self._timer_due,)
        self._cancelled = self._endings = (
            0  # cancelled timers on the queue; how often code was told of the end
        )
        self._blocked: dict[Waiter, None] = {}  # in the order in which they blocked
        self._fatal: BaseException | None = None
        self._fibers = fiber.Fibers(self._hub)
        self.in_driver = self._fibers.in_driver
        self.only_in_driver = self._fibers.only_in_driver
        self.current_fiber = self._fibers.current
        self._suspend = self._fibers.suspend
        self._resume = self._fibers.resume
        self.check_limits: Callable[[], None] = lambda: None
        self.check_interrupt: Callable[[], None] = lambda: None
        self.explain_standstill: Callable[[], str] = lambda: ""

    @property
    def blocked(self) -> list[Waiter]:
        """Who waits, the longest first."""
        return list(self._blocked)

    @property
    def due(self) -> list[tuple[int, Any]]:
        """What is due later, and when, the next first; without what was cancelled."""
        entries = sorted(self._clock.queue, key=lambda entry: entry[:3])
        return [
            (time_ns, step)
            for time_ns, _, _, step in entries
            if type(step) is not End and getattr(step, "action", step) is not None
        ]

    def timer(
        self,
        delay_ns: int,
        action: Callable[[], None],
        process: Process | None = None,
        kind: str = "timer",
        call: Any = None,
        what: str = "",
    ) -> Timer:
        """Run `action` as a step after `delay_ns`; see `Timer` for the rest."""
        timer = Timer(action, process, kind)
        timer.call, timer.what = call, what
        timer.callbacks = self._on_timer
        self.push((self.now_ns + delay_ns, NORMAL, self.next_number(), timer))
        return timer

    def jitter(self, label: str, bound: int) -> Callable[[], int]:
        """Draws numbers of ``range(bound)`` that only decide about an order; 0 where that is explored."""
        return self.choices.sampler(label, bound) if self.offers is None else _no_jitter

    def cancel(self, timer: Timer) -> None:
        """Forget a timer that has not run yet."""
        if timer.action is None:
            return
        timer.action = None
        if self.offers is not None:
            self.offers.has_cancelled = True
            return
        if timer.callbacks is None:  # due at this very instant, and not yet picked
            self.ready.remove(timer)
            return
        self._cancelled += 1
        if self._cancelled > _MOST_CANCELLED and 2 * self._cancelled > self._clock.due:
            # Mostly time-outs of waits that were answered long before: they would stay until their time.
            self._clock.drop(lambda event: isinstance(event, Timer) and event.action is None)
            self._cancelled = 0

    def soon(self, action: Callable[[], None], process: Process | None = None, what: str = "") -> None:
        """Run `action` as a step of its own, at this instant: on a hub, above nobody's code; see `Timer` for `what`."""
        timer = Timer(action, process)
        timer.what = what
        self.ready.append(timer)

    def touches(self, what: str) -> None:
        """The code that runs now has to do with `what`, which others may have to do with; see `Offer.touched`."""
        if self.offers is not None:
            self.offers.touch(what)

    def counts(self, what: str) -> None:
        """As `touches`; see `Offer.counted`."""
        if self.offers is not None:
            self.offers.count(what)

    def look_before_steps(self, look: Callable[[Any], None] | None) -> None:
        """Call `look` before each step, with the step or its `Offer`: on a hub, above nobody's code; None: no longer.

        It must not change anything; an exception of it ends the run.
        """
        self._look = look
        self._next_check = self._next_house if look is None else 0

    def block(self, waiter: Waiter) -> None:
        """Suspend the running code until `waiter` is woken.

        Raises:
            SimulationEnded: the simulation is over.
            DeadlockError, LimitError: in the driver, if the run can't go on.
        """
        if self.closing:
            self._end_again()
        waiter.then = self._resume
        blocked, suspend = self._blocked, self._suspend
        loop = hooks = None
        try:  # from the first change on: Ctrl-C may come between any two lines
            blocked[waiter] = None
            # asyncio keeps it for the thread, and other code runs on this one meanwhile.
            loop = _get_running_loop()
            if loop is not None:
                hooks = get_asyncgen_hooks()
                _set_running_loop(None)
                set_asyncgen_hooks(None, None)
            suspend(waiter)
        finally:  # code that is ended there has ``finally`` blocks
            blocked.pop(waiter, None)
            if hooks is not None:
                _set_running_loop(loop)
                set_asyncgen_hooks(*hooks)
        if self.closing:
            raise fiber.SimulationEnded
        if self._fatal is not None:
            fatal, self._fatal = self._fatal, None
            # Whatever it waited for may still come; by then this code is somewhere else.
            waiter.then = _ignore
            raise fatal

    def sleep(self, process: Process, delay_ns: int) -> None:
        """Suspend the running code for a time."""
        until = self.now_ns + delay_ns
        waiter = Waiter(process, SleepUntil(until))
        self.timer(delay_ns, lambda: waiter.then(waiter), process, "sleep")
        self.block(waiter)

    def interrupt(self, waiter: Waiter, error: BaseException) -> None:
        """Raise `error` in code that waits, as a step; it no longer waits then."""
        self.soon(lambda: self.raise_in(waiter, error), waiter.process)

    def raise_in(self, waiter: Waiter, error: BaseException) -> None:
        """Raise `error` in code that waits, now; only a step may do this."""
        if waiter not in self._blocked:
            return
        if waiter.process.halted:
            waiter.process.park(Timer(lambda: self.raise_in(waiter, error)))
            return
        self._fatal = error  # what it is resumed with
        self._fibers.resume(waiter)

    def take_off(self, unwanted: Callable[[Any], bool]) -> list[Any]:
        """Take events off the queue that would become ready later; the others keep their order."""
        if self.offers is not None:
            return self.offers.take_off(unwanted)
        taken = [entry for entry in self._clock.queue if unwanted(entry[3])]
        self._clock.drop(unwanted)
        return [entry[3] for entry in sorted(taken, key=lambda entry: entry[:3])]

    def stop_for_good(self, process: Process) -> NoReturn:
        """Suspend the running code and never go on with it: its process has just ended."""
        self.block(Waiter(process, "nothing: its process has ended"))
        raise exceptions.InternalError(f"{process.label} went on after its end")

    def close(self) -> None:
        """End all suspended code, the longest blocked first; only the driver may call this."""
        self.closing = True
        if self.offers is not None:
            self.offers.stop_noting()
        for stop in self.on_closing:
            stop()
        self.on_closing.clear()
        while self._blocked:
            waiter = next(iter(self._blocked))
            self._fibers.end(waiter.fiber)
            self._blocked.pop(waiter, None)
        for end in self.on_close:
            end()
        self.on_close.clear()
        self._fibers.close()
        if self.offers is not None:
            self.offers.close()

    def _hub(self) -> None:
        """Run steps until the simulation is closed; whatever goes wrong is raised in the driver."""
        try:
            while not self.closing:
                try:
                    if self.offers is None:
                        self._run_steps()
                    else:
                        self._run_offers(self.offers)
                except (exceptions.Finding, exceptions.InternalError, KeyboardInterrupt) as error:
                    self._fatal = error
                except Exception as error:  # user code's own never come here: the executor keeps them
                    self._fatal = _internal(error)
                if self._fatal is not None:
                    self.has_failed = True
                    self._fibers.resume_driver()
        except fiber.SimulationEnded:
            return

    def _run_steps(self) -> None:
        ready, pick, clock, queue = self.ready, self.choices.pick, self._clock, self._clock.queue
        step: Any
        # Not `while not self.closing`: CPython 3.11 specializes a function that is still in its first call only at an
        # unconditional jump back, and this one hardly ever returns.
        while True:
            if self.closing:
                return
            if ready:
                step = ready.pop() if len(ready) == 1 else ready.pop(pick("next", ready))
            else:
                now_ns, priority, number, step = heappop(queue)
                if step.callbacks is not None or queue[0][0] == now_ns:
                    self._take_due((now_ns, priority, number, step))
                    continue
                # Only one thing is due, and it can happen at once: the innermost loop of every run.
                self.now_ns = clock._now = now_ns
            steps = self.steps = self.steps + 1
            if steps >= self._next_check:
                self._before_step(step)
            then = step.then
            then(step)

    def _run_offers(self, offers: Offers) -> None:
        """As `_run_steps`, where `Choices` picks among all that could come next."""
        while not self.closing:
            offer = offers.take(self.now_ns)
            if not isinstance(offer, Offer):
                self._give_up(None if offer is None else self._max_ns + 1)
            if offer.earliest_ns > self.now_ns:
                self.now_ns = self._clock._now = offer.earliest_ns
            self.steps += 1
            if self.steps >= self._next_check:
                self._before_step(offer)
            step = offer.step
            if isinstance(step, Timer):
                step.callbacks = None  # as one that is ready
            step.then(step)

    def _take_due(self, entry: tuple[int, Any, int, Any]) -> None:
        """Make ready what is due at the time of `entry`, just taken off the queue, if the run can go on."""
        now_ns, _, _, event = entry
        queue = self._clock.queue
        if type(event) is End or len(queue) == self._cancelled:
            next_ns = None if len(queue) == self._cancelled else queue[0][0]
            self.push(entry)  # the driver may catch the error and wait once more
            self._give_up(next_ns)
        self.now_ns = self._clock._now = now_ns
        self._clock.make_ready(event, now_ns)

    def _give_up(self, next_ns: int | None) -> NoReturn:
        """The run can't go on: nothing is due, or only at `next_ns`, after its limit."""
        self.check_interrupt()
        if next_ns is None:
            raise exceptions.DeadlockError(
                f"deadlock at {self.now_ns / NS:.6f}s of virtual time: nothing can run any more\n"
                f"{self.explain_standstill()}".rstrip()
            )
        self.now_ns = next_ns
        raise exceptions.LimitError(
            f"the run reached its limit of {self._max_ns / NS:g}s of virtual time after {self.steps} steps"
        )

    def _before_step(self, step: Any) -> None:
        if self._look is not None:
            self._look(step)
        if self.steps >= self._next_house:
            self._keep_house()

    def _keep_house(self) -> None:
        """What must be done now and then, at fixed points so that runs repeat."""
        self._trace.fold()
        self._next_house = min(self.steps + self._between_checks, max(self._max_steps, self.steps + 1))
        self._next_check = self._next_house if self._look is None else 0
        self.check_interrupt()
        if self.steps >= self._max_steps:
            raise exceptions.LimitError(
                f"the run reached its limit of {self._max_steps} steps at {self.now_ns / NS:.6f}s of virtual time: "
                "it is long, or asks in a loop for what never comes (max_steps, --max-steps; --fail-on livelock)"
            )
        self.check_limits()
        if self.steps >= self._next_collection:
            self._next_collection += _STEPS_BETWEEN_COLLECTIONS
            gc.collect()  # automatic collection is off: user finalizers run at fixed points only

    def _end_again(self) -> NoReturn:
        """Code that waits although the simulation is over: tell it again, but not for ever."""
        self._endings += 1
        if self._endings > _MOST_ENDINGS:
            self._endings = 0
            self._fibers.abandon()  # ``while True: try: sleep(1) except BaseException: pass``
        raise fiber.SimulationEnded

    def _timer_due(self, timer: Any) -> None:
        if timer.action is None:
            self._cancelled -= 1
        else:
            self.ready.append(timer)


def _no_jitter() -> int:
    return 0


def _ignore(_: object) -> None:
    pass


def _internal(error: Exception) -> exceptions.InternalError:
    internal = exceptions.InternalError(f"the simulator itself failed: {type(error).__name__}: {error}")
    internal.__cause__ = error
    return internal

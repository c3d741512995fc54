"""`Execution`: runs the code of one call and makes the message that answers it.

Not when: `process` and `lanes` decide that. `SystemExit` comes out as it is: it ends more than the call.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from real_backend.client.client import Client
from real_backend.client.running import Running
from real_backend.messages import Call, Create, Failed, Interrupted, Item, Reply, Task
from real_backend.worker.producing import Producer
from real_backend.worker.strays import Strays
from simactors import exceptions
from simactors.core import calls, codec
from simactors.core.outcome import Failure, failure, in_words, task_failure

if TYPE_CHECKING:  # loaded where something is to go wrong
    from real_backend.mishaps import Mishaps

Answer = Reply | Failed | Interrupted


class Execution:
    """Calls the user's functions in one process.

    Args:
        where: names the process in errors.
        mishaps: the faults that the process is to meet; None for none.

    Attributes:
        strays: to be asked whenever user code has ended.
    """

    def __init__(self, client: Client, where: str, mishaps: Mishaps | None) -> None:
        self._client = client
        self._where = where
        self._mishaps = mishaps
        self.strays = Strays()
        if mishaps is not None:
            client.watch_replies(mishaps.replied)

    def run(self, running: Running, message: Call | Task, function: Callable[..., Any]) -> Answer:
        """Call `function` and pack what it returns, or what it raises."""
        if self._mishaps is not None and not running.is_task:  # of a task, the code is not even there yet
            self.before(running)
        try:
            if message.bare:
                value = function(*message.packed)  # type: ignore[misc]  # bare: a tuple of atoms
            else:
                args, kwargs = self.arguments(message)
                value = function(*args, **kwargs)
            self.strays.end()
            answer = self.finish(running, value)
        except SystemExit as error:
            self.strays.end(error)
            raise
        except BaseException as error:  # the user's code runs here
            answer = self.failed(running, error)
        if self._mishaps is not None:
            self.after(running)
        return self.as_canceled(running, answer) if running.is_canceled else answer

    def before(self, running: Running) -> None:
        """The code of a call is about to run: what is to go wrong then?"""
        if self._mishaps is not None:
            self._mishaps.before(running.label)

    def after(self, running: Running) -> None:
        """It has run, and its answer is not sent yet."""
        if self._mishaps is not None:
            self._mishaps.after(running.label)

    def arguments(self, message: Call | Task | Create) -> tuple[Sequence[Any], dict[str, Any]]:
        """Fresh args and kwargs."""
        if message.bare:
            return message.packed, {}  # type: ignore[return-value]  # bare: a tuple of atoms
        refs: Any = message.values  # only whether there are any counts here
        with self._client.shield:  # they may have to import modules: no cancellation shall leave half of one
            return calls.Arguments(message.packed, refs).unpack([codec.unpack(v) for v in message.values])

    def failed(self, running: Running, error: BaseException) -> Failed:
        """What answers a call that raised."""
        return _failed(running, self._told(running, error))

    def _told(self, running: Running, error: BaseException) -> Failure:
        self.strays.end(error)
        told: Failure | None = None
        # Behind the shield: modules are imported for it, and no cancellation shall leave half of one. Twice, because an
        # interruption may come just before.
        for _ in range(2):
            try:
                with self._client.shield:
                    told = self._checked(task_failure(running.label, error, self._where, by_value=True))
            except BaseException as raised:  # of the error's own code, or an interruption put off till now
                fault = raised
            if told is not None:
                return told
        return in_words(running.label, error, self._where, fault)

    def _checked(self, told: Failure) -> Failure:
        try:
            self._client.belonging.check_packed(told.packed)
        except (RuntimeError, ValueError):  # what it carries can't travel, so it is told in words
            return Failure(None, told.text)
        return told

    def canceled_before(self, running: Running) -> Failed:
        """What answers a call that was cancelled before its turn and never runs."""
        text = f"The task {running.label} is canceled from an actor before it executes."
        return _failed(running, failure(exceptions.TaskCancelledError(text)))

    def as_canceled(self, running: Running, answer: Answer) -> Answer:
        """What answers a call that was cancelled, and has run to its end all the same."""
        if running.is_task:  # what it does about its interruption is its own affair
            return answer
        error = exceptions.TaskCancelledError(f"Task: {running.label} was cancelled.")
        return _failed(running, failure(error))

    def finish(self, running: Running, value: Any) -> Answer:
        """What answers a call that returned `value`."""
        num_returns = running.num_returns
        if isinstance(num_returns, str):
            return self._drain(running, value)
        if num_returns > 1 and inspect.isgenerator(value):
            return self._first_items(running, value, num_returns)
        results = calls.pack_results(value, num_returns, by_value=True)
        if (
            len(results) != 1 or type(results[0]) is codec.Encoded
        ):  # else, as nearly always, it carries nothing
            for packed in results:
                self._client.belonging.check_packed(packed)
        return Reply(running.id, results)

    # Generators

    def producer(self, running: Running) -> Producer:
        """Who sends the items of this call home."""
        return Producer(self._client, running)

    def _drain(self, running: Running, generator: Generator[Any, Any, Any]) -> Answer:
        """Run a generator to its end, and send its items home as they come."""
        producer = self.producer(running)
        try:
            for item in generator if running.num_returns == "dynamic" else calls.streamed(generator):
                self.strays.end()
                producer.send(codec.pack(item, by_value=True))
                producer.wait()
                if running.is_canceled and not running.is_task:
                    break
        except Exception as error:  # the user's code runs here; it becomes the last item
            return self.interrupted(running, producer.produced, error)
        finally:
            producer.close()
        return Reply(running.id, (producer.produced,))

    def _first_items(self, running: Running, items: Iterator[Any], wanted: int) -> Answer:
        """As many items as the call has refs; if the generator raises, those before have their values."""
        found: list[Any] = []
        try:
            for item in itertools.islice(items, wanted):
                self.strays.end()
                packed = codec.pack(item, by_value=True)
                self._client.belonging.check_packed(packed)
                found.append(packed)
        except Exception as error:  # the user's code runs here
            self.strays.end(error)
            for index, packed in enumerate(found):
                self._client.answer(running.asker, Item(running.id, index, packed))
            return self.interrupted(running, len(found), error)
        if len(found) < wanted:
            raise ValueError(f"Task returned {len(found)} objects, but num_returns={wanted}.")
        return Reply(running.id, tuple(found))

    def interrupted(self, running: Running, index: int, error: Exception) -> Interrupted:
        """What ends a generator that raised after `index` items."""
        told = self._told(running, error)
        return Interrupted(running.id, index, told.packed, told.text)


def _failed(running: Running, told: Failure) -> Failed:
    return Failed(running.id, told.packed, told.text)

"""Every error a user can meet, with Ray's name where Ray has one.

What real code must survive (Ray's classes, Ray's meaning):

    RayError
     ├─ RayTaskError                     the remote code raised; also an instance of its cause's class
     ├─ TaskCancelledError
     ├─ RayActorError
     │   ├─ ActorDiedError
     │   └─ ActorUnavailableError
     ├─ ActorUnschedulableError
     ├─ TaskUnschedulableError
     ├─ WorkerCrashedError
     ├─ NodeDiedError
     ├─ GetTimeoutError                  (also TimeoutError)
     ├─ ObjectLostError
     │   ├─ OwnerDiedError
     │   ├─ ObjectReconstructionFailedError
     │   ├─ ObjectFreedError
     │   └─ ReferenceCountingAssertionError (also AssertionError)
     ├─ ObjectStoreFullError
     ├─ OutOfMemoryError
     ├─ TaskPlacementGroupRemoved
     ├─ ActorPlacementGroupRemoved
     ├─ PendingCallsLimitExceeded
     ├─ AsyncioActorExit
     ├─ RaySystemError
     ├─ RuntimeEnvSetupError
     ├─ UnserializableException
     └─ ActorAlreadyExistsError          (also ValueError)

A finding: the simulation worked, the program did not:

    Finding (AssertionError)
     ├─ DeadlockError                    nothing can run and somebody waits
     ├─ LimitError                       a named limit of the run was reached
     │   └─ SpinningError                code computes for ever without ever waiting
     ├─ NondeterminismError              the same choices gave another run
     ├─ ViolationError                   a judge of `simactors.checkers` found a property violated
     ├─ UndecidedError                   a judge could not say whether a property holds
     └─ OversightError                   what a run was asked to fail for: see `sim.fail_on`
         ├─ UnreadError                  a call raised, and nobody asked for its result
         ├─ LeakedActorError             an actor is left that nobody will ever end
         ├─ StarvationError              a call is passed over, again and again
         ├─ LivelockError                much happens, and nothing comes of it
         └─ DriverTimeoutError           a `get` of the driver timed out

Ours: `InternalError`. Simulated code that reaches for the real world: `EscapeError` (a `RuntimeError`), or the warning
`EscapeWarning`, also for names that were bound too early to be replaced. Wrong use raises Python's own `TypeError`,
`ValueError`, `AttributeError` and `RuntimeError`, as Ray does, plus `ActorClassInheritanceException` (a `TypeError`)
and `SpecificationError` (a `ValueError`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any


class RayError(Exception):
    """What an actor program must expect from a distributed runtime."""


class RayTaskError(RayError):
    """The remote code raised; raised again where its result is asked for.

    `get` raises `as_instanceof_cause()`, so that ``except ValueError`` and ``except RayTaskError``
    both catch a remote ``ValueError``.

    Attributes:
        function_name: what ran, as ``boom`` or ``Log.add``.
        traceback_str: the traceback of the process that ran it.
        where: the process it ran in, as ``pid=4711``.
        frames: where it was raised, as plain data (`tblib`'s); from real processes only. The traceback of `cause` is
            made of it, for debuggers.
    """

    # Ray makes instances that are also of the class of their cause, and that without its constructor.
    function_name: str = ""
    traceback_str: str = ""
    where: str = ""
    frames: dict[str, Any] | None = None

    def __init__(
        self,
        function_name: str,
        traceback_str: str,
        cause: BaseException,
        where: str = "",
        frames: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(function_name, traceback_str, cause, where)
        self.function_name = function_name
        self.traceback_str = traceback_str
        self._cause = cause
        self.where = where
        self.frames = frames

    @property
    def cause(self) -> BaseException:
        """The exception that was raised there; its traceback is made when it is first asked for.

        Not before: the frames that stand for the remote ones hold those of whoever makes them, in a circle.
        """
        cause = self._cause
        if self.frames is not None and cause.__traceback__ is None:
            import tblib  # type: ignore[import-untyped]

            cause.__traceback__ = tblib.Traceback.from_dict(self.frames).as_traceback()
        return cause

    @cause.setter
    def cause(self, cause: BaseException) -> None:
        self._cause = cause

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"ray::{self.function_name}(){place}\n{self.traceback_str}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        return RayTaskError, _fields(self)

    def as_instanceof_cause(self) -> RayTaskError:
        """This error as an instance of both `RayTaskError` and the class of its cause.

        As in Ray, it stays as it is if it is an instance already (the cause is a plain `Exception`), or if the
        two classes can't be combined.
        """
        cause_class = type(self._cause)
        try:
            if issubclass(RayTaskError, cause_class):
                return self
            dual: RayTaskError = _dual_class(cause_class)(self)  # type: ignore[arg-type]  # classes do hash
        except Exception:  # a base class has its say in how it is derived from, and may refuse in any way
            return self
        return dual


def _fields(error: RayTaskError) -> tuple[Any, ...]:
    return error.function_name, error.traceback_str, error._cause, error.where, error.frames


@lru_cache(maxsize=512)
def _dual_class(cause_class: type[BaseException]) -> Any:
    """The class that is both a `RayTaskError` and a `cause_class`; made once for each cause."""

    class Dual(RayTaskError, cause_class):  # type: ignore[misc, valid-type]  # chosen at run time
        def __init__(self, error: RayTaskError) -> None:
            # The cause's own constructor may need arguments nobody knows here: it is not called.
            self.function_name = error.function_name
            self.traceback_str = error.traceback_str
            self._cause = error._cause
            self.where = error.where
            self.frames = error.frames
            self.args = (error._cause,)

        def __getattr__(self, name: str) -> Any:
            if name in ("_cause", "frames"):  # only while a half-made instance is being looked at
                raise AttributeError(name)
            return getattr(self._cause, name)

        def __str__(self) -> str:
            return RayTaskError.__str__(self)

        def __reduce__(self) -> tuple[Any, ...]:
            return RayTaskError.as_instanceof_cause, (RayTaskError(*_fields(self)),)

    if issubclass(cause_class, BaseExceptionGroup):  # a group can't be made without its parts

        def make_group(cls: Any, error: Any) -> Any:
            return cause_class.__new__(cls, error._cause.message, error._cause.exceptions)

        Dual.__new__ = make_group  # type: ignore[method-assign]
    name = f"RayTaskError({cause_class.__name__})"
    Dual.__name__ = name
    Dual.__qualname__ = name
    Dual.__module__ = RayTaskError.__module__
    return Dual


class TaskCancelledError(RayError):
    """The call was cancelled."""


class RayActorError(RayError):
    """The actor could not answer; the call may or may not have run.

    Attributes:
        actor_id: which one, as ``RuntimeContext.get_actor_id()`` has it; None if that is not known.
    """

    default = "The actor died unexpectedly before finishing this task."

    def __init__(self, message: str | None = None, *, actor_id: str | None = None) -> None:
        super().__init__(message or self.default)
        self.actor_id = actor_id

    @property
    def error_msg(self) -> str:
        """What it says."""
        return str(self)


class ActorDiedError(RayActorError):
    """The actor is dead and stays dead."""


class ActorUnavailableError(RayActorError):
    """The actor is out of reach for now, or being restarted; the call may or may not have run."""

    default = "The actor is temporarily unavailable. The task may or may not have been executed."


class ActorUnschedulableError(RayError):
    """No node can ever hold this actor."""


class TaskUnschedulableError(RayError):
    """No node can ever run this task."""


class WorkerCrashedError(RayError):
    """The process that ran the task ended before the task did."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or "The worker died unexpectedly while executing this task.")


class NodeDiedError(RayError):
    """The node is gone."""


class GetTimeoutError(RayError, TimeoutError):
    """`get` gave up waiting; the call goes on."""


class ObjectLostError(RayError):
    """Every copy of the object is gone."""


class OwnerDiedError(ObjectLostError):
    """The process that owned the object is gone, and the object with it."""


class ObjectReconstructionFailedError(ObjectLostError):
    """The object was lost and its task can't be run again."""


class ObjectFreedError(ObjectLostError):
    """The object was freed by hand."""


class ReferenceCountingAssertionError(ObjectLostError, AssertionError):
    """The object was freed while a reference to it was still in use."""


class ObjectStoreFullError(RayError):
    """The object does not fit into the object store."""


class OutOfMemoryError(RayError):
    """The process was ended because its node ran out of memory."""


class TaskPlacementGroupRemoved(RayError):
    """The placement group of the task was removed."""

    def __str__(self) -> str:
        return "The placement group corresponding to this task has been removed."


class ActorPlacementGroupRemoved(RayError):
    """The placement group of the actor was removed."""

    def __str__(self) -> str:
        return "The placement group corresponding to this Actor has been removed."


class PendingCallsLimitExceeded(RayError):
    """The actor has `max_pending_calls` calls waiting already."""


class AsyncioActorExit(RayError):
    """An async actor asked to end."""


class RaySystemError(RayError):
    """The runtime itself failed."""


class RuntimeEnvSetupError(RayError):
    """The runtime environment that the task or actor asked for could not be made."""


class UnserializableException(RayError):
    """The remote code raised something that can't be rebuilt here; the text is all there is."""

    def __init__(self, original: str) -> None:
        super().__init__(original)
        self.original = original

    def __str__(self) -> str:
        return f"Failed to deserialize exception. Original exception:\n{self.original}"


class ActorAlreadyExistsError(ValueError, RayError):
    """The name is taken by a living actor of the same namespace."""


class ActorClassInheritanceException(TypeError):
    """A class can't inherit from an actor class; inherit from the plain class it was made of."""


class SpecificationError(ValueError):
    """A specification can't judge a history: it does not know an operation, or its states can't be hashed."""


class Finding(AssertionError):
    """The run found something wrong with the program under test."""


class DeadlockError(Finding):
    """Nothing can run any more, and somebody waits."""


class LimitError(Finding):
    """The run reached one of its named limits (steps, virtual time)."""


class SpinningError(LimitError):
    """Code computes for ever without ever waiting: virtual time stands still."""


class NondeterminismError(Finding):
    """The same choices gave another run: something in the program does not repeat."""


class ViolationError(Finding):
    """A property of the program does not hold: its judge's verdict says which and why."""


class UndecidedError(Finding):
    """Nobody can say whether a property holds: the judge ran out of budget, or saw too little."""


class OversightError(Finding):
    """What is no error by itself, but what the run was asked to fail for."""


class UnreadError(OversightError):
    """A task or a method raised, and nobody ever asked for its result."""


class LeakedActorError(OversightError):
    """The program has ended, and an actor is left that nobody will ever end."""


class StarvationError(OversightError):
    """A call waits at its actor, while others that came later are answered."""


class LivelockError(OversightError):
    """The driver waits, and however much happens, no answer comes."""


class DriverTimeoutError(OversightError):
    """A `get` of the driver timed out."""


class InternalError(Exception):
    """A fault of simactors itself; please report it with the message."""


class EscapeError(RuntimeError):
    """Simulated code was about to leave the simulation: a socket, a subprocess; see `SimConfig.escapes`."""


class EscapeWarning(UserWarning):
    """Something in the program is outside the control of the simulation: runs may differ from Ray's, or not repeat."""


class EarlyBindingWarning(EscapeWarning):
    """Code sees the real world during simulations, because of a name that was bound early and can't be rebound."""


class TargetError(Exception):
    """What was to be run can't be loaded: wrong input, not a failure of the program. The message is for the user."""

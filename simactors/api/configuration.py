"""`RuntimeEnv`, `JobConfig`, `LoggingConfig`: what `init` and options are told, in objects as Ray has them."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

_ENCODINGS = ("TEXT", "JSON")
_RECORD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_LIFETIMES = ("detached", "non_detached")


class RuntimeEnv(dict[str, Any]):
    """A runtime environment: a dictionary of what is given and not None.

    What of it a backend honours is checked where it is used.

    Raises:
        TypeError: `env_vars` is no dictionary of strings.
    """

    def __init__(
        self, *, env_vars: Mapping[str, str] | None = None, working_dir: str | None = None, **more: Any
    ) -> None:
        given = {"env_vars": env_vars, "working_dir": working_dir, **more}
        super().__init__({name: value for name, value in given.items() if value})
        for name, value in (env_vars or {}).items():
            if not isinstance(value, str):
                raise TypeError(
                    "runtime_env['env_vars'] must be of type Dict[str, str], but the value "
                    f"{value!r} of {name!r} is of type {type(value)}"
                )

    def __reduce__(self) -> tuple[Any, ...]:
        return RuntimeEnv.from_dict, (dict(self),)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RuntimeEnv:
        """As `to_dict` gave it."""
        return cls(**values)

    def env_vars(self) -> dict[str, str]:
        """The environment variables."""
        return dict(self.get("env_vars", {}))

    def working_dir(self) -> str:
        """The folder; empty if none is given."""
        return str(self.get("working_dir", ""))

    def to_dict(self) -> dict[str, Any]:
        """As a plain dictionary."""
        return dict(self)

    def serialize(self) -> str:
        """As JSON."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def deserialize(cls, text: str) -> RuntimeEnv:
        """What `serialize` gave."""
        return cls.from_dict(json.loads(text))


class JobConfig:
    """What holds for all of a program, for ``init(job_config=...)``.

    Args:
        runtime_env: see `init`.
        metadata: strings by name; kept, and shown nowhere.
        ray_namespace: where names of actors live unless said otherwise.
        default_actor_lifetime: "non_detached"; detached actors say so themselves.
        code_search_path, jvm_options: kept, and without effect: Ray finds code of other languages by them.

    Raises:
        ValueError: another lifetime.
    """

    def __init__(
        self,
        *,
        runtime_env: Mapping[str, Any] | None = None,
        metadata: Mapping[str, str] | None = None,
        ray_namespace: str | None = None,
        default_actor_lifetime: str = "non_detached",
        code_search_path: Sequence[str] | None = None,
        jvm_options: Sequence[str] | None = None,
    ) -> None:
        self.code_search_path = list(code_search_path or ())
        self.jvm_options = list(jvm_options or ())
        self.metadata = dict(metadata or {})
        self.set_runtime_env(runtime_env)
        self.set_ray_namespace(ray_namespace)
        self.set_default_actor_lifetime(default_actor_lifetime)

    def set_metadata(self, key: str, value: str) -> None:
        """Keep one string."""
        self.metadata[key] = value

    def set_ray_namespace(self, ray_namespace: str | None) -> None:
        """Where names of actors live unless said otherwise."""
        self.ray_namespace = ray_namespace

    def set_runtime_env(self, runtime_env: Mapping[str, Any] | None, validate: bool = False) -> None:
        """See `init`; `validate` checks it here already."""
        self.runtime_env = RuntimeEnv(**runtime_env or {}) if validate else dict(runtime_env or {})

    def set_default_actor_lifetime(self, default_actor_lifetime: str) -> None:
        """See the class.

        Raises:
            ValueError: not "non_detached".
        """
        if default_actor_lifetime not in _LIFETIMES:
            raise ValueError("Default actor lifetime must be one of `detached`, `non_detached`")
        if default_actor_lifetime == "detached":
            raise ValueError(
                "default_actor_lifetime='detached' is not supported; write .options(lifetime='detached')"
            )


@dataclass(frozen=True)
class LoggingConfig:
    """How a program wants to log, for ``init(logging_config=...)``; checked, and otherwise without effect.

    Attributes:
        encoding: "TEXT" or "JSON".
        log_level: a level of Python's `logging`.
        additional_log_standard_attrs: attributes of log records that are to be shown.

    Raises:
        ValueError: an unknown encoding or attribute.
    """

    encoding: str = "TEXT"
    log_level: str = "INFO"
    additional_log_standard_attrs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.encoding not in _ENCODINGS:
            raise ValueError(
                f"Invalid encoding type: {self.encoding}. Valid encoding types are: {list(_ENCODINGS)}"
            )
        for name in self.additional_log_standard_attrs:
            if name not in _RECORD_ATTRIBUTES:
                raise ValueError(
                    f"Unknown python logging standard attribute: {name}. The valid attributes are: "
                    f"{sorted(_RECORD_ATTRIBUTES)}"
                )

    def to_dict(self) -> dict[str, Any]:
        """As a plain dictionary."""
        return asdict(self)

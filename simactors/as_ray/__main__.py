"""``python -m simactors.as_ray SCRIPT.py ARGS``: as ``python SCRIPT.py ARGS``, but `import ray` means simactors.

Also ``-m MODULE ARGS`` and ``-c CODE ARGS``. The environment variable SIMACTORS_BACKEND says where it runs, "local" by
default; on "ray", `import ray` means Ray. On "sim" the simulation is opened by the program's own `init`:
``simactors run --as-ray`` has more to offer there.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

from simactors.api.session import BACKEND_VARIABLE
from simactors.as_ray import install

_USAGE = "usage: python -m simactors.as_ray (SCRIPT.py | -m MODULE | -c CODE) [ARGS]"
_OURS = str(Path(__file__).parent)


def main(args: Sequence[str]) -> None:
    """Run a program as the interpreter would; what it raises goes through."""
    if not args or args[0] in ("-h", "--help"):
        _end(_USAGE, 0 if args else 2)
    if args[0] in ("-m", "-c") and len(args) < 2:
        _end(f"{_USAGE}\nNothing stands behind {args[0]}.", 2)
    _hide_our_frames()
    if os.environ.get(BACKEND_VARIABLE) != "ray":
        install()
    if args[0] == "-m":
        _run_module(args[1], args[2:])
    elif args[0] == "-c":
        _set_up(["-c", *args[2:]], folder="")
        _run(compile(args[1], "<string>", "exec", dont_inherit=True), {})
    else:
        _run_script(args)


def _end(text: str, code: int) -> NoReturn:
    print(text, file=sys.stderr if code else sys.stdout)
    raise SystemExit(code)


def _run_script(args: Sequence[str]) -> None:
    path = args[0]
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        _end(f"simactors.as_ray: can't open file {path!r}: {error.strerror}", 2)
    _set_up(args, folder=str(Path(path).resolve().parent))
    place = os.path.abspath(path)  # as the interpreter has it in tracebacks
    _run(compile(text, place, "exec", dont_inherit=True), {"__file__": place})


def _run_module(name: str, args: Sequence[str]) -> None:
    _set_up([name, *args], folder=os.getcwd())
    spec = _spec(name)
    loader: Any = None if spec is None else spec.loader
    code = loader.get_code(spec.name) if spec is not None and hasattr(loader, "get_code") else None
    if spec is None or code is None:
        _end(f"simactors.as_ray: no module named {name} that could be run", 1)
    sys.argv[0] = spec.origin or name
    _run(code, {"__file__": spec.origin, "__spec__": spec, "__package__": spec.parent})


def _spec(name: str) -> ModuleSpec | None:
    """Of a module, or of the `__main__` of a package."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError:
        return None
    return spec


def _set_up(argv: Sequence[str], *, folder: str) -> None:
    sys.argv = list(argv)
    if not sys.flags.safe_path:  # with `python -P` no folder is to be searched
        sys.path[0] = folder  # `python -m` has put the working folder there


def _run(code: CodeType, names: dict[str, Any]) -> None:
    # It stays there to the end, as what is sent to other processes is looked up in it.
    module = sys.modules["__main__"] = ModuleType("__main__")
    module.__dict__.update(names)
    exec(code, module.__dict__)


def _hide_our_frames() -> None:
    """A traceback that nobody has caught begins with the program's own lines."""
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, entry: TracebackType | None) -> None:
        while entry is not None and _is_ours(entry.tb_frame.f_code):
            entry = entry.tb_next
        show(kind, error.with_traceback(entry), entry)

    sys.excepthook = hook


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith((_OURS, "<frozen runpy>"))


if __name__ == "__main__":
    main(sys.argv[1:])

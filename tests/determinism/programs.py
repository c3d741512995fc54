"""Generated programs: from a seed, the source text of a program, its cluster and its faults.

Goal: programs as users might write them, with all that could differ between two runs, and more of it than anybody would
write by hand. Each prints whatever it sees (times, random numbers, results, errors) and a hash of the driver's share.
The statements are in `catalogue.py`; who runs and compares programs is `sweep.py`.
"""

from __future__ import annotations

import random
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simactors.exploration.cluster_file import load_world
from simactors.exploration.target import Program, Target
from tests.determinism import catalogue

MAX_STEPS = 40_000
TASKS, METHODS = 3, 3
Kind = Literal["task", "plain", "threads", "async", "driver"]

_TOKEN = re.compile(r"^( *)\$(body|awaiting_body)$|\$(\w+)", re.MULTILINE)
_SECONDS = ["0", "0.001", "0.01", "0.1", "0.4", "2"]
_TIMEOUTS = ["0", "0.002", "0.02", "0.2", "1", "1", "5", "5", "20", "None"]
_FAULTS = [
    'kind = "crash_process"\nprocess = "$aim"\nat_s = $at',
    'kind = "crash_process"\nbefore_call = $few\ncall = "$called"',
    'kind = "crash_process"\nafter_call = $few\ncall = "$called"',
    'kind = "pause"\nprocess = "$aim"\nat_s = $at\nfor_s = $for',
    'kind = "fail_call"\ncall = "$called"\nlost = "$lost"\nprobability = 0.2',
    'kind = "fail_call"\ncall = "$called"\nlost = "$lost"\nnth = $few',
    'kind = "lose_object"\nof = "*"\nnth = $few',
    'kind = "jump_clock"\nnode = "node-1"\nby_s = 7.5\nat_s = $at',
    'kind = "slow_node"\nnode = "node-1"\nfactor = 3.0\nat_s = $at',
]
_FAULTS_OF_NODES = [
    'kind = "crash_node"\nnode = "node-2"\nat_s = $at',
    'kind = "crash_node"\nnode = "node-2"\nat_s = $at\nback_after_s = $for',
    'kind = "partition"\ngroups = [["node-2"]]\nat_s = $at\nfor_s = $for',
    'kind = "cut"\nsource = "node-1"\ntarget = "node-2"\nat_s = $at\nfor_s = $for',
    'kind = "pause"\nnode = "node-2"\nat_s = $at\nfor_s = $for',
]


@dataclass(frozen=True)
class Generated:
    """A program as files by name, and how to run it."""

    seed: int
    files: dict[str, str]
    preemption: Literal["off", "stores"]
    is_script: bool

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text)

    def in_folder(self, folder: Path) -> Program:
        """The program as `simactors run` would see it."""
        cluster, faults = load_world(str(folder / "cluster.toml"), str(folder / "faults.toml"))
        return Program(
            target=Target(str(folder / "app.py"), None if self.is_script else "main"),
            max_steps=MAX_STEPS,
            preemption=self.preemption,
            cluster=cluster,
            faults=faults,
        )

    def command(self, folder: Path) -> str:
        """What shows where two runs part."""
        target = f"{folder}/app.py" + ("" if self.is_script else ":main")
        world = f"--cluster {folder}/cluster.toml --faults {folder}/faults.toml --preempt {self.preemption}"
        return (
            f"simactors run {target} --seed {self.seed} {world} --max-steps {MAX_STEPS} --check-determinism"
        )


def generate(seed: int) -> Generated:
    """The program of a seed; always the same one."""
    draw = random.Random(seed)
    writer = _Writer(draw)
    return Generated(
        seed=seed,
        files={
            "app.py": writer.program(seed),
            "notes.py": catalogue.NOTES,
            "later.py": catalogue.LATER,
            "cluster.toml": writer.cluster(),
            "faults.toml": writer.faults(),
        },
        preemption=draw.choice(["off", "stores"]),
        is_script=draw.random() < 0.3,
    )


class _Writer:
    """Writes one program; `$names` in what it writes are drawn."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._unique = 0
        self._in_driver = False
        self._caution = draw.choice([0.6, 0.9, 0.97])
        self._is_leaf = False  # it makes no calls, or there would be no end to them
        self._nodes = draw.choice([1, 1, 2, 3])
        self._classes = [f"{kind.capitalize()}Actor" for kind in ("plain", "threads", "async")]

    def program(self, seed: int) -> str:
        parts = [catalogue.HEAD.replace("$seed", str(seed)).replace("$i", str(seed % 9))]
        parts += [self._task(number) for number in range(TASKS)]
        parts.append(self._stream_task())
        parts += [self._actor(kind) for kind in ("plain", "threads", "async")]
        parts.append(self._main())
        return "\n\n".join(parts)

    # Definitions

    def _task(self, number: int) -> str:
        options = self._options(
            num_cpus=["0.5", "1", "2"], max_retries=["0", "1", "3"], retry_exceptions=["True"]
        )
        head = f"@ray.remote{options}\ndef task{number}(peers, fuel, arg=None):\n"
        return head + self._function("task", f"task{number}", "Box()")

    def _stream_task(self) -> str:
        self._is_leaf = True
        body = self._body("task", 2, "        ", length=1)
        self._is_leaf = False
        return (
            "@ray.remote\ndef stream_task(count, arg=None):\n    box, see = Box(), Seen('stream')\n"
            f"    for number in range(count):\n{body}\n        yield number, arg"
        )

    def _actor(self, kind: Kind) -> str:
        concurrency = {"threads": [str(self._draw.randint(2, 4))], "async": ["1", "3"]}.get(kind, [])
        options = self._options(
            num_cpus=["0", "0.5", "1"], max_restarts=["0", "1", "-1"], max_task_retries=["0", "1"]
        )
        if kind == "threads":
            options = f"{options[:-1] or '('}{', ' if options else ''}max_concurrency={concurrency[0]})"
        name = f"{kind.capitalize()}Actor"
        lines = [f"@ray.remote{options}\nclass {name}:\n    total = 0\n\n    def __init__(self, peers=()):"]
        lines.append("        self.box, self.peers, self.last = Box(), list(peers), None")
        for number in range(METHODS):
            is_async = kind == "async" and (number == 0 or self._draw.random() < 0.7)
            lines.append(f"\n    {'async ' * is_async}def m{number}(self, peers, fuel, arg=None):")
            inside: Kind = "async" if is_async else "threads" if kind != "plain" else "plain"
            function = self._function(inside, f"{name}.m{number}", "self.box", method=True)
            lines.append(textwrap.indent(function, "    "))
        lines.append(
            "\n    def quick(self):\n        type(self).total += 1\n        return self.total, time.time()"
        )
        lines.append("\n    def pid(self):\n        return os.getpid()")
        lines.append(
            f"\n    {'async ' * (kind == 'async')}def items(self, count):\n        for number in range(count):"
        )
        lines.append(f"            {'await asyncio.' if kind == 'async' else 'time.'}sleep(0.0{number})")
        lines.append("            yield number, random.random(), self.box.value")
        return "\n".join(lines)

    def _main(self) -> str:
        self._in_driver = True
        lines = [
            "def main():\n    ray.init()\n    see, box, kept, fuel = Seen('driver'), Box(), [], 3\n    try:"
        ]
        lines.append("        peers = []")
        for number in range(self._draw.randint(2, 5)):
            cls = self._draw.choice(self._classes)
            options = self._options(name=[f"'name-{number}'"], lifetime=["'detached'"])
            lines.append(
                f"        peers.append({cls}{'.options' + options if options else ''}.remote(peers))"
            )
        lines.append(self._body("driver", 0, "        ", length=self._draw.randint(10, 25)))
        if self._draw.random() < 0.3:
            lines.append("        async def run():\n" + self._body("async", 1, "            ", length=3))
            lines.append("        asyncio.run(run())")
        lines.append(
            "        for ref in kept:\n            try:\n                see(ray.get(ref, timeout=30))"
        )
        lines.append("            except Exception as error:\n                see.error(error)")
        lines.append(
            "    finally:\n        print(hashlib.sha256('\\n'.join(see.lines).encode()).hexdigest())"
        )
        return "\n".join(lines) + "\n\n\nif __name__ == '__main__':\n    main()\n"

    def _options(self, **of: list[str]) -> str:
        given = [
            f"{name}={self._draw.choice(values)}" for name, values in of.items() if self._draw.random() < 0.5
        ]
        return f"({', '.join(given)})" if given else ""

    def _function(self, kind: Kind, name: str, box: str, *, method: bool = False) -> str:
        head = f"    see, box, kept, peers = Seen('{name}'), {box}, [], list(peers)\n    see(arg)\n"
        if method:
            head += "    self.last = arg\n    peers += self.peers\n"
        return f"{head}{self._body(kind, 0, '    ', length=self._draw.randint(2, 7))}\n    return see.lines"

    # Statements

    def _body(self, kind: Kind, depth: int, indent: str, length: int = 2) -> str:
        return "\n".join(self._guarded(kind, depth, indent) for _ in range(length))

    def _guarded(self, kind: Kind, depth: int, indent: str) -> str:
        text = self._statement(kind, depth)
        if self._draw.random() < (0.98 if kind == "driver" else self._caution):
            inner = textwrap.indent(text, "    ")
            text = f"try:\n{inner}\nexcept Exception as error:\n    see.error(error)"
        return textwrap.indent(text, indent)

    def _statement(self, kind: Kind, depth: int) -> str:
        groups: list[tuple[list[str], float]] = [
            (catalogue.CHANCE_AND_TIME, 3),
            (catalogue.STATE, 3),
            (catalogue.CALLS, 6 if kind != "async" else 1),
            (catalogue.RARE, 0.8),
            (["time.sleep($s)", "sleep($s)"], 1.5),
            (catalogue.LOCKS, 0 if kind == "async" else 2),
            (catalogue.ENDS_THE_PROCESS, 0 if kind == "driver" else 0.25),
            (catalogue.SIGNALS, 0.4 if kind in ("task", "plain") else 0.3 if kind == "driver" else 0.05),
        ]
        if depth < 2:
            groups += [(catalogue.THREADS, 0 if kind == "async" else 2), (catalogue.NESTS, 0.7)]
        if kind == "async":
            groups.append((catalogue.AWAITS, 8))
        if self._is_leaf:
            groups = [pair for pair in groups if pair[0] not in (catalogue.CALLS, catalogue.RARE)]
        unfit = catalogue.NOT_IN_DRIVERS if self._in_driver else ()
        if depth >= 2:
            unfit += ("body",)
        groups = [
            ([s for s in group if not any(word in s for word in unfit)], weight) for group, weight in groups
        ]
        (statements, _), *_ = self._draw.choices(groups, [weight for _, weight in groups])
        return self._filled(self._draw.choice(statements), kind, depth)

    def _filled(self, text: str, kind: Kind, depth: int) -> str:
        """`text` with everything drawn that it names; `$n` is one number throughout."""
        self._unique += 1
        number = str(self._unique)
        text = re.sub(r"\$n\b", number, text)
        inside: Kind = kind
        if "def work" in text and kind != "async":
            inside = "threads" if kind != "driver" else "driver"

        def fill(found: re.Match[str]) -> str:
            if found[2] is not None or found[3] in ("body", "awaiting_body"):
                return self._body(inside, depth + 1, "    ", length=self._draw.randint(1, 2))
            return self._drawn(found[3])

        return _TOKEN.sub(fill, text)

    def _drawn(self, name: str) -> str:
        choices = {
            "i": [str(n) for n in range(1, 6)],
            "j": [str(n) for n in range(1, 6)],
            "few": ["1", "2", "3"],
            "one_or_two": ["1", "2"],
            "s": _SECONDS,
            "t": _TIMEOUTS,
            "bool": ["True", "False"],
            "lock": ["lock", "rlock"],
            "strategy": ["PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"],
            "signal": ["SIGTERM", "SIGUSR1", "SIGKILL", "SIGHUP"],
            "actor_class": self._classes,
            "at": ["0.0", "0.005", "0.1", "1.0", "4.0"],
            "for": ["0.5", "3.0", "8.0"],
            "aim": ["*", *self._classes, "task0", "PlainActor#1"],
            "called": ["*", "task*", "*.m*", "*.quick", *[f"{cls}.m0" for cls in self._classes]],
            "lost": ["request", "reply", "late"],
        }
        if name in choices:
            return self._draw.choice(choices[name])
        if name == "value":
            return self._value()
        if name == "call":
            return self._call(self._value())
        assert name == "call_with_ref", name
        return self._call(f"ref{self._unique}")

    def _value(self) -> str:
        values = ["$i", "'word'", "[1, {'k': 2}]", "Payload($i)", "notes.Point($i, 2)", "b'x' * 150_000"]
        values += [
            "notes.Bag({'a', 'b', 'c'})",
            "Colour.BLUE",
            "Oops('sent')",
            "random.random()",
            "[peers[-1:]]",
            "kept[-1:]",
        ]
        return self._draw.choice(values).replace("$i", self._drawn("i"))

    def _call(self, value: str) -> str:
        if self._draw.random() < 0.4:
            number = self._draw.randrange(TASKS)
            options = self._options(
                max_retries=["0", "2"], name=["'called'"], scheduling_strategy=["'SPREAD'"]
            )
            called = f"task{number}{'.options' + options if options else ''}.remote(peers, fuel - 1, {value})"
            return f"({called} if fuel > 0 else ray.put({value}))"
        called = f"random.choice(peers).m{self._draw.randrange(METHODS)}.remote(peers, fuel - 1, {value})"
        return f"({called} if fuel > 0 and peers else ray.put({value}))"

    # The world

    def cluster(self) -> str:
        cpus = self._draw.choice([2, 4, 8])
        lines = [
            line
            for line in (
                'process_start = { kind = "uniform", low_s = 0.1, high_s = 0.5 }',
                "detection_s = 2.0",
                "latency = { low_s = 0.01, high_s = 0.1, jitter_s = 0.05 }",
            )
            if self._draw.random() < 0.3
        ]
        lines += [f"[[nodes]]\nnum_cpus = {cpus}\ncount = {self._nodes}"]
        if self._draw.random() < 0.3:
            lines.append("object_store_bytes = 400_000")
        if self._draw.random() < 0.2:
            lines.append("clock_offset_s = 0.25\nclock_drift_ppm = 40")
        if self._draw.random() < 0.3:
            lines.append("[[links]]\nloss = 0.1\nduplication = 0.2\nbandwidth_bytes_per_s = 1e6")
        if self._draw.random() < 0.3:
            lines.append('[service_times]\n"*" = { kind = "exponential", mean_s = 0.02 }')
        return "\n".join(lines) + "\n"

    def faults(self) -> str:
        kinds = _FAULTS + (_FAULTS_OF_NODES if self._nodes > 1 else [])
        count = self._draw.choice([0, 0, 1, 1, 2, 3])
        return "".join(
            f"[[faults]]\n{self._filled(kind, 'task', 2)}\n" for kind in self._draw.sample(kinds, count)
        )

"""An async actor that is taken for a queue.

One client sends two settings without waiting in between. Property: the second one holds. A plain actor runs one
caller's calls in their order; an async one starts them in any. No fault is needed.
"""

import simactors as ray


@ray.remote
class AsyncSetting:
    def __init__(self):
        self.value = None

    async def set(self, value):
        self.value = value

    async def get(self):
        return self.value


@ray.remote
class Setting:
    def __init__(self):
        self.value = None

    def set(self, value):
        self.value = value

    def get(self):
        return self.value


def run(kind):
    setting = kind.remote()
    ray.get([setting.set.remote("first"), setting.set.remote("second")])
    value = ray.get(setting.get.remote())
    assert value == "second", f"the last one set was the second, and {value!r} holds"


def overtaken():
    run(AsyncSetting)


def in_order():
    run(Setting)

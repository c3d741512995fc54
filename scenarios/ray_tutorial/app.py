"""Two small actors as a Ray user has them, `import ray` included: nothing here knows of simactors.

simactors run scenarios/ray_tutorial/app.py --as-ray
simactors run scenarios/ray_tutorial/app.py --as-ray --backend local
"""

import ray


@ray.remote
class Accounting:
    def __init__(self):
        self.total = 0

    def add(self, amount):
        self.total += amount

    def remove(self, amount):
        self.total -= amount

    # The attribute of the same name hides this method on the instance. Ray calls the class's function anyway.
    def total(self):
        return self.total


@ray.remote
class LinearModel:
    def __init__(self, w0, w1):
        self.w0 = w0
        self.w1 = w1

    def convert(self, celsius):
        return self.w0 * celsius + self.w1


def main():
    ray.init()
    accounting = Accounting.remote()
    accounting.add.remote(100)
    accounting.remove.remote(10)
    total = ray.get(accounting.total.remote())
    print("total:", total)
    assert total == 90

    to_fahrenheit = LinearModel.remote(9 / 5, 32)
    fahrenheit = ray.get(to_fahrenheit.convert.remote(100))
    print("100 degrees Celsius in Fahrenheit:", fahrenheit)
    assert fahrenheit == 212.0
    ray.shutdown()


if __name__ == "__main__":
    main()

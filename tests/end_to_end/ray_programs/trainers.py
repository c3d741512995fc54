"""A tree of actors in placement groups, parameters shared by reference, results as they come. For Ray, as it is."""

import ray
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

ray.init(num_cpus=6, resources={"disk": 2})


@ray.remote(num_cpus=1)
class Worker:
    def __init__(self, shard):
        self.shard = shard

    def step(self, weights, rate):
        error = sum(w * x - y for w, (x, y) in zip(weights, self.shard))
        return [w - rate * error for w in weights], error

    def group(self):
        return ray.util.get_current_placement_group() is not None


@ray.remote(num_cpus=1)
class Trainer:
    """Has workers of its own, in its own group."""

    def __init__(self, rate, shards, group):
        place = PlacementGroupSchedulingStrategy(placement_group=group)
        self.rate = rate
        self.workers = [Worker.options(scheduling_strategy=place).remote(shard) for shard in shards]

    def train(self, weights, rounds):
        for _ in range(rounds):
            shared = ray.put(weights)
            steps = ray.get([worker.step.remote(shared, self.rate) for worker in self.workers])
            weights = [round(sum(column) / len(column), 6) for column in zip(*(new for new, _ in steps))]
        return self.rate, weights, ray.get([worker.group.remote() for worker in self.workers])


shards = [[(1, 2), (2, 4)], [(3, 6), (1, 2)]]
groups = [placement_group([{"CPU": 1}] * 3, strategy="PACK", name=f"trial-{n}") for n in range(2)]
ray.get([group.ready() for group in groups])
print([placement_group_table(group)["state"] for group in groups], groups[0].bundle_count)
print(ray.util.get_placement_group("trial-1") == groups[1])
trainers = [
    Trainer.options(
        scheduling_strategy=PlacementGroupSchedulingStrategy(
            placement_group=group, placement_group_bundle_index=0
        )
    ).remote(rate, shards, group)
    for rate, group in zip((0.01, 0.1), groups)
]
weights = ray.put([0.0, 0.0])
waiting = [trainer.train.remote(weights, 3) for trainer in trainers]
results = []
while waiting:
    done, waiting = ray.wait(waiting, num_returns=1)
    results += ray.get(done)
for result in sorted(results):
    print(result)


@ray.remote(num_cpus=0, resources={"disk": 1})
def on_disk():
    return ray.get_runtime_context().get_assigned_resources()


@ray.remote(num_cpus=0)
def node():
    return ray.get_runtime_context().get_node_id()


here = ray.get_runtime_context().get_node_id()
print(ray.get(on_disk.remote()), ray.get(on_disk.options(resources={"disk": 0.5}).remote()))
there = NodeAffinitySchedulingStrategy(node_id=here, soft=False)
print(ray.get(node.options(scheduling_strategy=there).remote()) == here, len(ray.nodes()))
too_much = placement_group([{"CPU": 5}, {"CPU": 5}])
print(too_much.wait(timeout_seconds=1))
remove_placement_group(too_much)
for group in groups:
    remove_placement_group(group)
try:
    ray.get(trainers[0].train.remote([0.0, 0.0], 1))
except ray.exceptions.ActorDiedError as error:
    print(type(error).__name__)

"""Generated programs: what real backends make of them, the simulator must be able to reach.

A seed gives a small actor program (`generating`), as data (`grammar`) and as source that a person can read
(`rendering`). It runs on a real backend several times (`stage`), and whatever came out is looked for in the simulator
(`judging`). ``python -m simactors.conformance.programs`` does that for many seeds.
"""

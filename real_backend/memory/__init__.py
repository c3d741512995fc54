"""Large buffers in memory that processes share: written once, mapped by whoever gets them, copied by nobody.

Not the values (the codec's) and not the way of a message (`transport`): a buffer becomes a `Piece` on its way out
and a read-only memoryview on its way in. See docs/decisions/0009-shared-memory.md.
"""

"""The supervisor: the process that starts the workers of a session and knows what became of them.

One thread, one epoll loop, no user code: so it can fork. It sees only what concerns several processes; calls,
results and values pass it by.
"""

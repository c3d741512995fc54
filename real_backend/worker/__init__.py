"""A worker: the process that runs what others ask of it. Forked by the supervisor.

`process` sets it up and takes messages from the inbox; `execution` runs user code; `lanes` runs several calls side by
side. Not the talk with other processes: that is `client`.
"""

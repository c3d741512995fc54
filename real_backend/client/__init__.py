"""One process's side of a session, the driver's as well as a worker's: everything between the `Backend`
Protocol and the channels."""

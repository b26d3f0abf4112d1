"""A running drill, served: a process of its own, the room that people share, what each role is shown, REST and sockets."""

"""One time step of everybody, compiled: walking, contacts, jams."""

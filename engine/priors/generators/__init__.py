"""Images as outputs of a generator: networks, and the file they are kept in."""

"""Controllers: they connect the session, the engine thread and the views."""

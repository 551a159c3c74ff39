"""The engine thread: tasks, the place for the newest frame, what a run shows."""

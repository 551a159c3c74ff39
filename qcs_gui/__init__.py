"""The window of QCS Studio. The engine does the work; this package shows it and never computes in the GUI thread."""

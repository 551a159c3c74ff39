"""What is seen of a run: pictures, samples, curves, timeline."""

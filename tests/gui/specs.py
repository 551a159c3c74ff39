"""Set-ups the GUI tests share: one that ends at once and one that has to be stopped."""

from engine.runs.spec import RunSpec

QUICK = RunSpec(algorithm="turbo rounds=3 levels=4", samples=3, device="cpu")
LONG = RunSpec(algorithm="qcs-sgm levels=200 repeats=50", samples=2, device="cpu")

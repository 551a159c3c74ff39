"""The designer: how to spend a budget of bits or rows, before anything is measured."""

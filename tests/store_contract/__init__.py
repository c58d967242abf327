"""What every store guarantees; `contract.py` has the whole suite."""

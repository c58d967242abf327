"""What every store guarantees; `contract.py` puts the parts together."""

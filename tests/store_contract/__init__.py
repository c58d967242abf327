"""What every store owes, promise by promise; `store_contract.py` gathers them."""

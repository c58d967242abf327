"""Continues waiting runs, in the order that their recipe's `mode` asks for, and runs events again."""

"""Carries on runs that wait, in the order that their recipe asks for, and runs events again."""

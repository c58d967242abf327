"""
How many examples the properties draw: few in every run, many where somebody takes the time.

    make test ARGS="tests/properties --hypothesis-profile=long --timeout=0"
"""

from hypothesis import HealthCheck, settings

# Two cores that others use too: no example is wrong because it took long.
settings.register_profile(
    "default", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", settings.get_profile("default"), max_examples=5000)
settings.load_profile("default")
